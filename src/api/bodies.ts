import { z } from 'zod'
import { filled, link, text } from './fields.ts'
import { interactive } from './interactive.ts'

const wamid = z.string().min(1).max(512)

/** Source: WhatsApp Cloud API, template messages; what a component may hold is the template's own matter. */
const template = z.strictObject({
  name: z.string().regex(/^[a-z0-9_]{1,512}$/, 'must be lower case letters, digits and _'),
  language: z.strictObject({
    code: z.string().min(2).max(16),
    policy: z.literal('deterministic').optional(),
  }),
  components: z
    .array(
      z.strictObject({
        type: filled(64),
        sub_type: filled(64).optional(),
        index: z.union([z.string().max(3), z.int().min(0).max(99)]).optional(),
        parameters: z
          .array(z.looseObject({ type: filled(64) }))
          .max(100)
          .optional(),
      }),
    )
    .max(20)
    .optional(),
})

const words = z.record(z.string().max(40), z.string().max(500))
const word = filled(256).optional()
/** Source: WhatsApp Cloud API, contacts messages. */
const card = z.strictObject({
  name: z.strictObject({
    formatted_name: filled(256),
    first_name: word,
    last_name: word,
    middle_name: word,
    suffix: word,
    prefix: word,
  }),
  phones: z.array(words).max(20).optional(),
  emails: z.array(words).max(20).optional(),
  urls: z.array(words).max(20).optional(),
  addresses: z.array(words).max(20).optional(),
  org: words.optional(),
  birthday: z.iso.date().optional(),
})

const caption = text(1_024).optional()
/** A file by the `id` of an upload, or by a link that WhatsApp fetches itself. */
const file = <Shape extends z.ZodRawShape>(more: Shape) =>
  z
    .strictObject({ id: z.uuid().optional(), link: link.optional(), ...more })
    .refine(
      (given: { id?: unknown; link?: unknown }) =>
        (given.id === undefined) !== (given.link === undefined),
      {
        message: 'must have either the id of an upload or a link',
      },
    )

/** What each kind of message holds. Source: WhatsApp Cloud API, messages. */
const KINDS = {
  text: z.strictObject({ body: filled(4_096), preview_url: z.boolean().optional() }),
  template,
  image: file({ caption }),
  video: file({ caption }),
  audio: file({ voice: z.boolean().optional() }),
  document: file({ caption, filename: text(240).optional() }),
  sticker: file({}),
  interactive,
  reaction: z.strictObject({ message_id: wamid, emoji: z.string().max(32) }),
  location: z.strictObject({
    latitude: z.number().min(-90).max(90),
    longitude: z.number().min(-180).max(180),
    name: text(1_000).optional(),
    address: text(1_000).optional(),
  }),
  contacts: z.array(card).min(1).max(20),
}
const NAMES = Object.keys(KINDS) as (keyof typeof KINDS)[]

export type MessageBody = { type: keyof typeof KINDS; context?: { message_id: string } }

/** A message in Meta's own shape without the envelope, with `extra` fields of ours beside it. */
export function messageBody<Extra extends z.ZodRawShape>(
  extra: Extra,
): z.ZodType<MessageBody & z.infer<z.ZodObject<Extra>>> {
  const kinds = NAMES.map((kind) => oneKind(kind, extra)) as [z.ZodObject, ...z.ZodObject[]]
  const union = z.discriminatedUnion('type', kinds, { error: `must be one of ${NAMES.join(', ')}` })
  return union as unknown as z.ZodType<MessageBody & z.infer<z.ZodObject<Extra>>>
}

/** A reaction names its message itself; every other kind may quote one. */
const oneKind = (kind: keyof typeof KINDS, extra: z.ZodRawShape): z.ZodObject =>
  z.strictObject({
    ...extra,
    type: z.literal(kind),
    [kind]: KINDS[kind],
    ...(kind === 'reaction' ? {} : { context: z.strictObject({ message_id: wamid }).optional() }),
  })
