import { z } from 'zod'
import { pathsOf } from '../messages/declared.ts'
import { flag, many, number, some, text, word, words } from '../messages/loose.ts'
import { storable } from '../messages/storable.ts'

// The parts of a template as Meta gives them. Source: WhatsApp Business Management API, message templates.

const named = many({ param_name: text, example: text })

const button = {
  type: text,
  text,
  url: text,
  phone_number: word,
  /** Of an address a list, of a code to copy one text. */
  example: z
    .union([z.array(z.string()), z.string().transform((one) => [one])])
    .optional()
    .catch(undefined),
  otp_type: text,
  autofill_text: text,
  flow_id: word,
  flow_action: text,
  navigate_screen: text,
}

const part = {
  type: text,
  format: text,
  text,
  example: some({
    header_text: words,
    body_text: z
      .union([z.array(z.array(z.string())), z.array(z.string()).transform((list) => [list])])
      .optional()
      .catch(undefined),
    header_text_named_params: named,
    body_text_named_params: named,
  }),
  buttons: many(button),
  add_security_recommendation: flag,
  code_expiration_minutes: number,
  limited_time_offer: some({ text, has_expiration: flag }),
}

const Component = z.object({ ...part, cards: many({ components: many(part) }) })
const Components = z.array(Component.catch({} as never)).catch([])
export type Component = z.infer<typeof Component>
export type Button = NonNullable<Component['buttons']>[number]

/** The declared fields of a template's parts, whatever they are given as. */
export const readComponents = (given: unknown): Component[] =>
  Components.parse(storable(JSON.parse(JSON.stringify(given ?? []))))

/** Every path that stored parts may hold. Source: privacy promise P7, "only declared WhatsApp data is taken in". */
export const componentPaths = (): string[] => pathsOf(Component, '').toSorted()

/** The parts of a template, or of one card of it, by what they are; `others` are kinds nobody here knows. */
export type Parts = {
  header: Component | undefined
  body: Component | undefined
  footer: Component | undefined
  offer: Component | undefined
  buttons: Button[]
  cards: Parts[]
  others: string[]
}

const KNOWN = new Set(['HEADER', 'BODY', 'FOOTER', 'BUTTONS', 'CAROUSEL', 'LIMITED_TIME_OFFER'])
const kindOf = ({ type = '' }: { type?: string | undefined }): string => type.toUpperCase()

export function partsOf(components: Component[]): Parts {
  const find = (kind: string): Component | undefined =>
    components.find((component) => kindOf(component) === kind)
  return {
    header: find('HEADER'),
    body: find('BODY'),
    footer: find('FOOTER'),
    offer: find('LIMITED_TIME_OFFER'),
    buttons: find('BUTTONS')?.buttons ?? [],
    cards: (find('CAROUSEL')?.cards ?? []).map((card) => partsOf(card.components ?? [])),
    others: components.map(kindOf).filter((kind) => !KNOWN.has(kind)),
  }
}

/** A place in a text that is filled in: `{{1}}`, `{{first_name}}`. */
export const BLANK = /\{\{\s*([^{}\s]{1,64})\s*\}\}/g

/** The names of the blanks of a text in their order, each once. */
export const blanksIn = (said = ''): string[] => [
  ...new Set(Array.from(said.matchAll(BLANK), ([, name = '']) => name)),
]

/** What was given as an example for the blanks of a header or a body. */
export function samplesOf(component: Component | undefined): Map<string, string> {
  const { header_text, body_text, header_text_named_params, body_text_named_params } =
    component?.example ?? {}
  const positional = header_text ?? body_text?.[0] ?? []
  const given = [...(header_text_named_params ?? []), ...(body_text_named_params ?? [])]
  return new Map([
    ...positional.map((sample, n) => [String(n + 1), sample] as const),
    ...given.map(({ param_name = '', example = '' }) => [param_name, example] as const),
  ])
}
