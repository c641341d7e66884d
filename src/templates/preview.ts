import { BLANK, partsOf, samplesOf, type Button, type Component, type Parts } from './components.ts'

/** What was filled in, by the keys of the blanks; see `blanks.ts`. */
export type Values = ReadonlyMap<string, string>
export const NO_VALUES: Values = new Map()

/** A run of text in one look; `blank` is a place that nobody filled in yet. */
export type Piece = { text: string; look: '' | 'b' | 'i' | 's' | 'code'; blank: boolean }

/** A template as the customer's phone shows it. */
export type Preview = {
  /** For `lang`: a browser and a screen reader read the words in their own language. */
  lang: string
  header: Piece[]
  media: { icon: string; name: string; small: string } | undefined
  offer: Piece[]
  body: Piece[]
  footer: string
  buttons: { icon: string; text: string; small: string }[]
  cards: Preview[]
}

type Read = {
  components: Component[] | null
  language: string
  category: string | null
}

/** What the phone shows of a template; an example stands where nothing was filled in. */
export function previewOf(template: Read, values: Values = NO_VALUES): Preview {
  const lang = template.language.replace('_', '-')
  const parts = partsOf(template.components ?? [])
  const isCode = template.category?.toUpperCase() === 'AUTHENTICATION'
  return face(isCode ? withMetasWords(parts) : parts, { lang, values, at: '' })
}

/** Meta writes these words itself, and gives them back once the template was looked at. */
function withMetasWords(parts: Parts): Parts {
  const { body, footer } = parts
  const advice = body?.add_security_recommendation
    ? ' For your security, do not share this code.'
    : ''
  const minutes = footer?.code_expiration_minutes
  return {
    ...parts,
    body: { text: `*{{1}}* is your verification code.${advice}`, ...body },
    footer: footer && { text: minutes ? `Expires in ${minutes} minutes.` : '', ...footer },
  }
}

/** `at` stands before the keys of what a card has. */
type Around = { lang: string; values: Values; at: string }

function face(parts: Parts, around: Around): Preview {
  const { values, at, lang } = around
  const { header, body, footer, offer } = parts
  return {
    lang,
    header: isText(header) ? filled(header, `${at}h`, values) : [],
    media: isText(header) ? undefined : mediaOf(header, values.get(`${at}m`)),
    offer: plainPieces(offer?.limited_time_offer?.text),
    body: filled(body, `${at}b`, values),
    footer: footer?.text ?? '',
    buttons: parts.buttons.map((button, n) => buttonFace(button, values.get(`${at}u:${n}`) ?? '')),
    cards: parts.cards.map((card, n) => face(card, { ...around, at: `${n}.` })),
  }
}

const plainPieces = (text = ''): Piece[] => (text ? [{ text, look: '', blank: false }] : [])

/** Source: WhatsApp Business Management API, header formats. */
const MEDIA: Readonly<Record<string, readonly [icon: string, name: string]>> = {
  IMAGE: ['image', 'Picture'],
  VIDEO: ['video', 'Video'],
  GIF: ['video', 'Moving picture'],
  DOCUMENT: ['file', 'Document'],
  LOCATION: ['pin', 'Place on the map'],
  PRODUCT: ['tag', 'Product'],
}

const isText = (header: Component | undefined): boolean =>
  (header?.format ?? 'TEXT').toUpperCase() === 'TEXT'

function mediaOf(header: Component | undefined, value = ''): Preview['media'] {
  const format = header?.format ?? ''
  const [icon, name] = MEDIA[format.toUpperCase()] ?? ['unsure', format]
  return { icon, name, small: value }
}

const BUTTONS: Readonly<Record<string, string>> = {
  URL: 'link',
  PHONE_NUMBER: 'phone',
  QUICK_REPLY: 'reply',
  COPY_CODE: 'copy',
  OTP: 'copy',
  FLOW: 'file',
  VOICE_CALL: 'phone',
}

function buttonFace({ type = '', text, url, phone_number }: Button, value: string) {
  const kind = type.toUpperCase()
  const own = kind === 'COPY_CODE' ? 'Copy the code' : ''
  const to = url ? url.replace(BLANK, value || '…') : (phone_number ?? (own && value))
  return { icon: BUTTONS[kind] ?? 'right', text: text || own || kind.toLowerCase(), small: to }
}

/** WhatsApp's own marks, one look at a time. */
const MARKS = /```([^]+?)```|\*(\S(?:[^*\n]*\S)?)\*|_(\S(?:[^_\n]*\S)?)_|~(\S(?:[^~\n]*\S)?)~/g
const LOOKS = ['code', 'b', 'i', 's'] as const
/** A blank while marks are looked for, so that nothing in its name or its value is taken for one. */
const HELD = /\uE000(\d+)\uE001/g

/** The text of a header or a body with its blanks filled; a name without a value shows its example. */
function filled(component: Component | undefined, at: string, values: Values): Piece[] {
  const samples = samplesOf(component)
  const held: Omit<Piece, 'look'>[] = []
  const text = (component?.text ?? '')
    .replace(/[\uE000\uE001]/g, '')
    .replace(BLANK, (_blank, name: string) => {
      const value = values.get(`${at}:${name}`)
      held.push(
        value ? { text: value, blank: false } : { text: samples.get(name) || name, blank: true },
      )
      return `\uE000${held.length - 1}\uE001`
    })
  const put = (run: string, look: Piece['look']): Piece[] => release(run, look, held)
  const pieces: Piece[] = []
  let end = 0
  for (const match of text.matchAll(MARKS)) {
    const found = match.slice(1).findIndex((group) => group !== undefined)
    pieces.push(...put(text.slice(end, match.index), ''))
    pieces.push(...put(match[found + 1] ?? '', LOOKS[found] ?? ''))
    end = match.index + match[0].length
  }
  return [...pieces, ...put(text.slice(end), '')]
}

function release(run: string, look: Piece['look'], held: Omit<Piece, 'look'>[]): Piece[] {
  const pieces: Piece[] = []
  let end = 0
  for (const match of run.matchAll(HELD)) {
    pieces.push({ text: run.slice(end, match.index), look, blank: false })
    const blank = held[Number(match[1])]
    if (blank) pieces.push({ ...blank, look })
    end = match.index + match[0].length
  }
  pieces.push({ text: run.slice(end), look, blank: false })
  return pieces.filter(({ text }) => text !== '')
}
