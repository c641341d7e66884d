import { Refusal } from '../refusal.ts'
import { blanksOf, isCode, type Blank, type Filling } from './blanks.ts'
import { BLANK, blanksIn, partsOf, type Button, type Component, type Parts } from './components.ts'
import type { Values } from './preview.ts'
import type { Template } from './templates.ts'

type Sent = Filling & Pick<Template, 'name' | 'language'>

/**
 * The object of a template message in Meta's shape, from what was filled in. `now` is when an offer begins.
 * Throws Refusal 422 with a sentence for each blank that is empty, too long, or holds what WhatsApp does not take.
 * Source: WhatsApp Cloud API, template messages.
 */
export function fillTemplate(template: Sent, values: Values, now: Date): object {
  const fields = Object.fromEntries(
    blanksOf(template).flatMap((blank) => {
      const fault = faultOf(blank, values.get(blank.key) ?? '')
      return fault ? [[blank.key, fault]] : []
    }),
  )
  const parts = partsOf(template.components ?? [])
  const wide = [
    tooLong(parts, '', values),
    ...parts.cards.map((card, n) => tooLong(card, `${n}.`, values)),
  ]
  const faults = { ...Object.assign({}, ...wide), ...fields } as Record<string, string>
  const [first] = Object.values(faults)
  if (first) throw new Refusal(422, 'invalid', first, faults)
  const filled = { values, isNamed: template.parameter_format === 'NAMED', now }
  const components = isCode(template)
    ? codeParts(values.get('b:1') ?? '')
    : wholeParts(parts, filled)
  return {
    name: template.name,
    language: { code: template.language },
    ...(components.length > 0 ? { components } : {}),
  }
}

function faultOf({ kind, label, max, isOptional }: Blank, value: string): string {
  if (value === '') return isOptional ? '' : `Fill in “${label}”.`
  if (value.length > max) return `“${label}” may have at most ${max} characters.`
  if (/[\n\t]| {5}/.test(value))
    return `“${label}” may have no line break, no tab and no more than four spaces in a row.`
  return KINDS[kind]?.(value, label) ?? ''
}

/** What a kind of blank asks beyond being filled. */
const KINDS: Partial<Record<Blank['kind'], (value: string, label: string) => string>> = {
  media: (value) =>
    /^\d{5,32}$/.test(value) || isLink(value)
      ? ''
      : 'Give an address that begins with https://, or the id of an uploaded file.',
  number: (value, label) => (Number.isFinite(Number(value)) ? '' : `“${label}” is a number.`),
  code: (value) => (/^[\w-]+$/.test(value) ? '' : 'A code has letters, digits and hyphens only.'),
  suffix: (value) => (/\s/.test(value) ? 'The end of an address has no spaces.' : ''),
}

const isLink = (value: string): boolean => value.startsWith('https://') && URL.canParse(value)

/** A header and a body have a limit for all of their words. */
function tooLong({ header, body }: Parts, at: string, values: Values): Record<string, string> {
  const over = (part: Component | undefined, key: string, max: number): Record<string, string> => {
    const [first] = blanksIn(part?.text)
    const length = hydrate(part?.text ?? '', key, values).length
    return first && length > max
      ? {
          [`${key}:${first}`]: `With what is filled in the text has ${length} characters, and ${max} fit.`,
        }
      : {}
  }
  return { ...over(header, `${at}h`, 60), ...over(body, `${at}b`, 1_024) }
}

const hydrate = (text: string, key: string, values: Values): string =>
  text.replace(BLANK, (_blank, name: string) => values.get(`${key}:${name}`) ?? '')

type Filled = { values: Values; isNamed: boolean; now: Date }
type Part = Record<string, unknown>

const codeParts = (code: string): Part[] => {
  const parameters = [{ type: 'text', text: code }]
  return [
    { type: 'body', parameters },
    { type: 'button', sub_type: 'url', index: '0', parameters },
  ]
}

function wholeParts(parts: Parts, filled: Filled): Part[] {
  const cards = parts.cards.map((card, n) => ({
    card_index: n,
    components: faceParts(card, `${n}.`, filled),
  }))
  return [
    ...faceParts(parts, '', filled),
    ...(cards.length > 0 ? [{ type: 'carousel', cards }] : []),
  ]
}

function faceParts({ header, offer, body, buttons }: Parts, at: string, filled: Filled): Part[] {
  const shown = header && mediaParameter(header, `${at}m`, filled.values)
  return [
    ...withParameters('header', shown ? [shown] : words(header, `${at}h`, filled)),
    ...offerPart(offer, `${at}o`, filled),
    ...withParameters('body', words(body, `${at}b`, filled)),
    ...buttons.flatMap((button, n) =>
      buttonPart(button, n, filled.values.get(`${at}u:${n}`) ?? ''),
    ),
  ]
}

/** A part without anything to fill in is left out. */
const withParameters = (type: string, parameters: object[]): Part[] =>
  parameters.length > 0 ? [{ type, parameters }] : []

const words = (part: Component | undefined, key: string, { values, isNamed }: Filled): object[] =>
  blanksIn(part?.text).map((name) => {
    const text = values.get(`${key}:${name}`) ?? ''
    return isNamed ? { type: 'text', parameter_name: name, text } : { type: 'text', text }
  })

function mediaParameter(
  { format = '' }: Component,
  key: string,
  values: Values,
): object | undefined {
  const type = format.toLowerCase()
  const at = (name: string): string => values.get(`${key}:${name}`) ?? ''
  if (type === 'location') {
    const [latitude, longitude] = [at('latitude'), at('longitude')]
    return { type, location: { latitude, longitude, name: at('name'), address: at('address') } }
  }
  const value = values.get(key)
  if (!value) return undefined
  const file = isLink(value) ? { link: value } : { id: value }
  const filename = at('filename')
  return { type, [type]: { ...file, ...(filename ? { filename } : {}) } }
}

function offerPart(offer: Component | undefined, key: string, { values, now }: Filled): Part[] {
  if (!offer?.limited_time_offer?.has_expiration) return []
  const expiration_time_ms = now.getTime() + Number(values.get(key)) * 3_600_000
  const parameter = { type: 'limited_time_offer', limited_time_offer: { expiration_time_ms } }
  return [{ type: 'limited_time_offer', parameters: [parameter] }]
}

function buttonPart({ type = '' }: Button, n: number, value: string): Part[] {
  const index = String(n)
  const kind = type.toUpperCase()
  if (kind === 'FLOW')
    return [
      {
        type: 'button',
        sub_type: 'flow',
        index,
        parameters: [{ type: 'action', action: { flow_token: 'unused' } }],
      },
    ]
  if (value === '') return []
  return kind === 'COPY_CODE'
    ? [
        {
          type: 'button',
          sub_type: 'copy_code',
          index,
          parameters: [{ type: 'coupon_code', coupon_code: value }],
        },
      ]
    : [{ type: 'button', sub_type: 'url', index, parameters: [{ type: 'text', text: value }] }]
}
