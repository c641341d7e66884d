import { BLANK, partsOf, samplesOf, type Button, type Component } from './components.ts'
import { EMPTY_DRAFT, type Draft, type DraftButton } from './draft.ts'
import type { Template } from './templates.ts'

/** Statuses in which Meta lets a template be edited. Source: WhatsApp Business Management API, editing templates. */
const EDITABLE = new Set(['APPROVED', 'REJECTED', 'PAUSED'])
export const isEditable = ({ status, gone_at, graph_id }: Template): boolean =>
  gone_at === null && graph_id !== null && EDITABLE.has(status ?? '')

const PLAIN = new Set(['HEADER', 'BODY', 'FOOTER', 'BUTTONS'])
const BUTTONS = new Set(['QUICK_REPLY', 'URL', 'PHONE_NUMBER', 'COPY_CODE'])

const kindOf = ({ type = '' }: { type?: string | undefined }): string => type.toUpperCase()

/** A template of Meta's as a draft, or undefined for one with parts that only WhatsApp Manager can edit. */
export function draftOf(template: Template): Draft | undefined {
  const { components, name, language } = template
  const category = template.category?.toUpperCase() ?? 'UTILITY'
  if (components === null || category === 'AUTHENTICATION' || !isPlain(components)) return undefined
  const { header, body, footer, buttons } = partsOf(components)
  return {
    ...EMPTY_DRAFT,
    name,
    language,
    category,
    ...wordsOf(header),
    body: body?.text ?? '',
    footer: footer?.text ?? '',
    buttons: buttons.map(draftButton),
    samples: samplesIn(header, body, buttons),
  }
}

const isPlain = (components: Component[]): boolean =>
  components.every(
    (component) =>
      PLAIN.has(kindOf(component)) &&
      (component.buttons ?? []).every((button) => BUTTONS.has(kindOf(button))),
  )

const wordsOf = (header: Component | undefined): Pick<Draft, 'header' | 'header_text'> => ({
  header: header?.format?.toUpperCase() ?? '',
  header_text: header?.text ?? '',
})

const draftButton = (button: Button): DraftButton => {
  const { text = '', url, phone_number, example: [example = ''] = [] } = button
  return { type: kindOf(button), text, value: url ?? phone_number ?? example }
}

function samplesIn(
  header: Component | undefined,
  body: Component | undefined,
  buttons: Button[],
): Map<string, string> {
  const under = (part: Component | undefined, at: string): [string, string][] =>
    Array.from(samplesOf(part), ([name, sample]) => [`${at}:${name}`, sample])
  const ends = buttons.map(({ url = '', example: [example = ''] = [] }, n): [string, string] => [
    `u:${n}`,
    example.replace(url.replace(BLANK, ''), ''),
  ])
  return new Map([...under(header, 'h'), ...under(body, 'b'), ...ends])
}
