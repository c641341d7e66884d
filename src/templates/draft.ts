import { blanksOf } from './blanks.ts'
import { BLANK, blanksIn, readComponents } from './components.ts'

export type DraftButton = { type: string; text: string; value: string }

/** A template as a person writes it: the fields of the form, and examples by the keys of its blanks. */
export type Draft = {
  name: string
  language: string
  category: string
  header: string
  header_text: string
  /** What Meta gave for an uploaded example of a picture, a video or a document. */
  header_handle: string
  body: string
  footer: string
  buttons: DraftButton[]
  samples: ReadonlyMap<string, string>
  /** Of a login code: whether it advises not to share it, and for how many minutes it is good. */
  advises: boolean
  minutes: string
}

export const EMPTY_DRAFT: Draft = {
  name: '',
  language: 'en',
  category: 'UTILITY',
  header: '',
  header_text: '',
  header_handle: '',
  body: '',
  footer: '',
  buttons: [],
  samples: new Map(),
  advises: true,
  minutes: '10',
}

/** What is asked of Meta; `parameter_format` goes by how the blanks are named. Source: Business Management API, creating templates. */
export type Wanted = {
  name: string
  language: string
  category: string
  parameter_format: 'NAMED' | 'POSITIONAL'
  components: object[]
}

const isNumber = (name: string): boolean => /^\d+$/.test(name)
export const namesIn = (draft: Draft): string[] => [
  ...blanksIn(draft.header === 'TEXT' ? draft.header_text : ''),
  ...blanksIn(draft.body),
]

export function wantedOf(draft: Draft): Wanted {
  const { name, language, category } = draft
  const isNamed = namesIn(draft).some((blank) => !isNumber(blank))
  return {
    name,
    language,
    category,
    parameter_format: isNamed ? 'NAMED' : 'POSITIONAL',
    components: category === 'AUTHENTICATION' ? codeParts(draft) : wordParts(draft, isNamed),
  }
}

const codeParts = ({ advises, minutes }: Draft): object[] => [
  { type: 'BODY', add_security_recommendation: advises },
  ...(minutes ? [{ type: 'FOOTER', code_expiration_minutes: Number(minutes) }] : []),
  { type: 'BUTTONS', buttons: [{ type: 'OTP', otp_type: 'COPY_CODE', text: 'Copy code' }] },
]

function wordParts(draft: Draft, isNamed: boolean): object[] {
  const { body, footer, buttons, samples } = draft
  return [
    ...headerPart(draft, isNamed),
    { type: 'BODY', text: body, ...exampleOf(body, 'body', { samples, isNamed }) },
    ...(footer ? [{ type: 'FOOTER', text: footer }] : []),
    ...(buttons.length > 0 ? [{ type: 'BUTTONS', buttons: buttons.map(buttonPart(samples)) }] : []),
  ]
}

function headerPart(draft: Draft, isNamed: boolean): object[] {
  const { header: format, header_text: text, header_handle: handle, samples } = draft
  if (format === '') return []
  if (format === 'TEXT')
    return [{ type: 'HEADER', format, text, ...exampleOf(text, 'header', { samples, isNamed }) }]
  return [
    {
      type: 'HEADER',
      format,
      ...(format === 'LOCATION' ? {} : { example: { header_handle: [handle] } }),
    },
  ]
}

type Given = Pick<Draft, 'samples'> & { isNamed: boolean }

function exampleOf(text: string, of: 'header' | 'body', { samples, isNamed }: Given): object {
  const names = blanksIn(text)
  if (names.length === 0) return {}
  const example = (name: string): string => samples.get(`${of.charAt(0)}:${name}`) ?? ''
  if (isNamed) {
    const named = names.map((name) => ({ param_name: name, example: example(name) }))
    return { example: { [`${of}_text_named_params`]: named } }
  }
  const list = names.map(example)
  return { example: { [`${of}_text`]: of === 'body' ? [list] : list } }
}

const buttonPart =
  (samples: Draft['samples']) =>
  ({ type, text, value }: DraftButton, n: number): object => {
    if (type === 'PHONE_NUMBER') return { type, text, phone_number: value }
    if (type === 'COPY_CODE') return { type, example: value }
    if (type !== 'URL') return { type, text }
    const isOpen = blanksIn(value).length > 0
    const example = value.replace(BLANK, samples.get(`u:${n}`) ?? '')
    return { type, text, url: value, ...(isOpen ? { example: [example] } : {}) }
  }

/** The blanks that want an example: of the words, and of the ends of addresses. */
export const sampled = (draft: Draft): { key: string; label: string }[] =>
  draft.category === 'AUTHENTICATION'
    ? []
    : blanksOf({
        category: draft.category,
        parameter_format: null,
        components: readComponents(wantedOf(draft).components),
      })
        .filter(({ kind, key }) => (kind === 'text' && !key.startsWith('m')) || kind === 'suffix')
        .map(({ key, label }) => ({ key, label }))
