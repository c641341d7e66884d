import { z } from 'zod'
import { badParameter, badValue, missing } from './graph-refusals.ts'

const short = (max: number): z.ZodString => z.string().min(1).max(max)
const file = z
  .object({
    id: short(100).optional(),
    link: z.url({ protocol: /^https?$/ }).optional(),
    caption: z.string().max(1024).optional(),
    filename: z.string().optional(),
  })
  .refine(({ id, link }) => (id === undefined) !== (link === undefined), 'needs an id or a link')
  .transform(({ caption, filename }) => caption ?? filename ?? '')

/** What each kind must hold to be taken, as the words the phone shows. Source: Cloud API, messages; limits of each object. */
const CONTENT = {
  text: z
    .object({ body: short(4096), preview_url: z.boolean().optional() })
    .transform((c) => c.body),
  image: file,
  video: file,
  audio: file,
  document: file,
  sticker: file,
  location: z
    .object({
      latitude: z.coerce.number().min(-90).max(90),
      longitude: z.coerce.number().min(-180).max(180),
      name: z.string().optional(),
      address: z.string().optional(),
    })
    .transform((c) => c.name ?? c.address ?? `${c.latitude}, ${c.longitude}`),
  contacts: z
    .array(z.looseObject({ name: z.looseObject({ formatted_name: short(256) }) }))
    .min(1)
    .max(257)
    .transform((cards) => cards.map(({ name }) => name.formatted_name).join(', ')),
  reaction: z
    .object({ message_id: short(256), emoji: z.string().max(64) })
    .transform((c) => c.emoji),
  interactive: z
    .looseObject({
      type: short(40),
      body: z.looseObject({ text: short(4096) }).optional(),
      action: z.looseObject({}),
    })
    .transform((c) => c.body?.text ?? ''),
  template: z
    .looseObject({ name: short(512), language: z.looseObject({ code: short(20) }) })
    .transform((c) => c.name),
}
type Kind = keyof typeof CONTENT

const isKind = (kind: string): kind is Kind => Object.hasOwn(CONTENT, kind)

/**
 * Check the object of a message's kind and give the words the phone shows for it, '' where there are none.
 * Throws GraphRefusal: 100 for an unknown kind and text that is too long, 131008 for what is missing, 131009 otherwise.
 */
export function textOf(kind: string, body: Record<string, unknown>): string {
  if (!isKind(kind))
    throw badParameter(`Parameter type must be one of ${Object.keys(CONTENT).join(', ')}.`)
  if (body[kind] === undefined) throw missing(kind)
  const parsed = CONTENT[kind].safeParse(body[kind])
  if (!parsed.success) throw refusalOf(kind, parsed.error)
  return parsed.data
}

function refusalOf(kind: string, error: z.ZodError): Error {
  const issue = error.issues[0]
  const name = [kind, ...(issue?.path ?? [])].join('.')
  if (issue?.code === 'too_big') return badParameter(`Parameter ${name} is too long.`)
  const isMissing = issue?.code === 'invalid_type' && issue.message.endsWith(' undefined')
  return isMissing ? missing(name) : badValue(`Parameter ${name} is not valid.`)
}
