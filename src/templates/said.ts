import { objectOf, listOf } from '../messages/storable.ts'
import { isCode, type Filling } from './blanks.ts'
import { BLANK, blanksIn, partsOf, type Component, type Parts } from './components.ts'

/** What stands in a conversation in place of a login code. */
const HIDDEN_CODE = '••••••'

/**
 * The words a template message comes to, for the thread and for search: header, body and cards with what was filled in.
 * `given` is the `components` of Meta's shape, as a person or a program gave them. A login code is not among the words.
 */
export function wordsSaid(template: Filling, given: unknown): string {
  const hides = isCode(template)
  return faceWords(partsOf(template.components ?? []), listOf(given), hides).trim()
}

function faceWords({ header, body, cards }: Parts, given: unknown[], hides: boolean): string {
  const shown = listOf(partOf(given, 'carousel')?.['cards'])
  const words = [
    filled(header, parametersOf(given, 'header'), hides),
    filled(body, parametersOf(given, 'body'), hides),
    ...cards.map((card, n) => faceWords(card, listOf(objectOf(shown[n])?.['components']), hides)),
  ]
  return words.filter(Boolean).join('\n')
}

const partOf = (given: unknown[], kind: string): Record<string, unknown> | undefined =>
  given.map(objectOf).find((part) => String(part?.['type']).toLowerCase() === kind)

const parametersOf = (given: unknown[], kind: string): unknown[] =>
  listOf(partOf(given, kind)?.['parameters'])

function filled(part: Component | undefined, parameters: unknown[], hides: boolean): string {
  const names = blanksIn(part?.text)
  const values = new Map(
    parameters.map(objectOf).map((parameter, n) => {
      const { parameter_name: name = names[n], text } = parameter ?? {}
      return [name, typeof text === 'string' ? text : '']
    }),
  )
  return (part?.text ?? '').replace(BLANK, (blank, name: string) =>
    hides ? HIDDEN_CODE : (values.get(name) ?? blank),
  )
}
