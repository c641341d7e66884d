import { z } from 'zod'
import { cut } from '../messages/storable.ts'
import { Refusal } from '../refusal.ts'
import { Interactive } from './interactive.ts'

/** A message to be, in Meta's own shape without the envelope, and what our rows keep of it. */
export type Outgoing = {
  kind: string
  /** What search and the thread show: body, caption or emoji. */
  text: string | null
  /** The object of the kind under its name, as `{ image: { link } }`; of a text all but its words. */
  payload: object
  /** One line for the conversation list; the kind in brackets where there are no words. */
  preview: string
  /** The message this one quotes or reacts to. */
  contextWamid: string | null
}

const MAX_BYTES = 65_536
const wamid = z.string().min(1).max(512)
const words = (max: number) => z.string().trim().min(1).max(max)
const link = z.url({ protocol: /^https?$/ }).max(2_048)

const Text = z.looseObject({
  body: z
    .string()
    .max(4_096, 'A message may have at most 4096 characters.')
    .refine((body) => body.trim() !== '', 'Write a message first.'),
  preview_url: z.boolean().optional(),
})
const File = z
  .looseObject({
    id: z.string().min(1).max(128).optional(),
    link: link.optional(),
    caption: z.string().max(1_024, 'Words below a file have at most 1,024 characters.').optional(),
    filename: z.string().max(240).optional(),
  })
  .refine((file) => (file.id === undefined) !== (file.link === undefined), {
    message: 'Give either the id of an uploaded file or a link to one.',
  })
const Reaction = z.looseObject({ message_id: wamid, emoji: z.string().max(32) })
const Location = z.looseObject({
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
  name: z.string().max(1_000).optional(),
  address: z.string().max(1_000).optional(),
})
const Contacts = z
  .array(z.looseObject({ name: z.looseObject({ formatted_name: words(256) }) }))
  .min(1)
  .max(20)
const Template = z.looseObject({
  name: z.string().regex(/^[a-z0-9_]{1,512}$/),
  language: z.looseObject({ code: z.string().min(2).max(16) }),
  components: z
    .array(z.looseObject({ type: z.string().max(64) }))
    .max(20)
    .optional(),
})

const context = z.looseObject({ message_id: wamid }).optional()
const Body = z.discriminatedUnion(
  'type',
  [
    z.object({ type: z.literal('text'), text: Text, context }),
    z.object({ type: z.literal('image'), image: File, context }),
    z.object({ type: z.literal('video'), video: File, context }),
    z.object({ type: z.literal('audio'), audio: File, context }),
    z.object({ type: z.literal('document'), document: File, context }),
    z.object({ type: z.literal('sticker'), sticker: File, context }),
    z.object({ type: z.literal('reaction'), reaction: Reaction }),
    z.object({ type: z.literal('location'), location: Location, context }),
    z.object({ type: z.literal('contacts'), contacts: Contacts, context }),
    z.object({ type: z.literal('template'), template: Template, context }),
    z.object({ type: z.literal('interactive'), interactive: Interactive, context }),
  ],
  'The type of a message is text, image, video, audio, document, sticker, reaction, location, contacts, template or interactive.',
)
type Body = z.infer<typeof Body>

/**
 * Read a message in Meta's shape: strict about kinds and lengths, tolerant of fields we do not know.
 * Fields of the envelope (`to`, `messaging_product`, …) are left out. Throws Refusal 422 `invalid` with a
 * sentence per field.
 * Source: WhatsApp Cloud API, messages.
 */
export function readBody(given: object): Outgoing {
  const json = JSON.stringify(given)
  if (Buffer.byteLength(json) > MAX_BYTES)
    throw refusal('body', 'The message is larger than 64 KB.')
  const parsed = Body.safeParse(given)
  if (!parsed.success) throw explainIssues(parsed.error)
  if (unstorable(parsed.data)) {
    throw refusal('body', 'The message holds characters that are not text.')
  }
  const text = wordsOf(parsed.data)
  return {
    kind: parsed.data.type,
    text,
    payload: payloadOf(parsed.data),
    preview: line(text ?? '') || `[${parsed.data.type}]`,
    contextWamid: contextOf(parsed.data),
  }
}

/** The Graph body without the envelope, from what the message row keeps. */
export function graphBody(
  message: Pick<Outgoing, 'kind' | 'text' | 'payload' | 'contextWamid'>,
): object {
  const { kind, text, payload, contextWamid } = message
  const content = (payload as Record<string, unknown>)[kind]
  const quoted = contextWamid !== null && kind !== 'reaction'
  return {
    type: kind,
    [kind]: kind === 'text' ? { ...(content as object), body: text } : content,
    ...(quoted ? { context: { message_id: contextWamid } } : {}),
  }
}

/** A reaction names its message itself. */
function contextOf(body: Body): string | null {
  return (body.type === 'reaction' ? body.reaction.message_id : body.context?.message_id) ?? null
}

/** The words have a column of their own and are not kept twice. */
function payloadOf(body: Body): object {
  if (body.type !== 'text') return { [body.type]: (body as Record<string, unknown>)[body.type] }
  const { body: _words, ...rest } = body.text
  return { text: rest }
}

function wordsOf(body: Body): string | null {
  if (body.type === 'text') return body.text.body
  const caption = captionOf(body)
  if (caption) return caption
  if (body.type === 'reaction') return body.reaction.emoji || null
  return body.type === 'interactive' ? (body.interactive.body?.text ?? null) : null
}

/** Of a sound or a sticker WhatsApp shows none. */
function captionOf(body: Body): string | undefined {
  if (body.type === 'image') return body.image.caption
  if (body.type === 'video') return body.video.caption
  return body.type === 'document' ? body.document.caption : undefined
}

const line = (text: string): string => cut(text.replace(/\s+/g, ' ').trim(), 120)

/** PostgreSQL keeps neither NUL nor half of a surrogate pair. */
const unstorable = (value: unknown): boolean =>
  /\\u0000|\\ud[89a-f]/i.test(JSON.stringify(value).replaceAll('\\\\', ''))

function explainIssues(error: z.ZodError): Refusal {
  const fields = Object.fromEntries(
    error.issues.map((issue) => [issue.path.join('.') || 'body', issue.message]),
  )
  return new Refusal(422, 'invalid', error.issues[0]?.message ?? 'This is not a message.', fields)
}

const refusal = (field: string, detail: string): Refusal =>
  new Refusal(422, 'invalid', detail, { [field]: detail })
