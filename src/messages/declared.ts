import { z } from 'zod'
import { Message, Status } from './shapes.ts'
import { Call, Handover, Preference } from './talk-shapes.ts'

/** What stands beside the content of any kind, under its own name. */
const AROUND = ['context', 'errors', 'group_id', 'identity', 'origin', 'referral', 'contacts']
/** Fields of the envelope, which are columns or are not kept. */
const ENVELOPE =
  'id from from_user_id from_parent_user_id to to_user_id to_parent_user_id timestamp type history_context'.split(
    ' ',
  )
/** What is kept of something that happened in a conversation: a call, a wish, a payment, a handover. */
const HAPPENED = [
  Call.pick({ event: true, status: true, start_time: true, end_time: true, duration: true }),
  Preference.pick({ category: true, value: true, detail: true }),
  Handover.pick({ type: true, control_passed: true }),
  Status.shape.payment,
]

/**
 * Every path that a stored message's payload may hold: of one that arrived, the fields its kind declares; of one that was
 * written here, the object of its kind in WhatsApp's own shape, as a person or a program gave it.
 * Source: `payloadOf` of both sides; privacy promise P7, "only declared WhatsApp data is taken in".
 */
export function payloadPaths(): string[] {
  const fields = Object.entries(Message.shape)
  const paths = fields.flatMap(([name, schema]) => {
    if (ENVELOPE.includes(name)) return []
    return AROUND.includes(name) ? pathsOf(schema, name) : pathsOf(schema, '')
  })
  const written = fields.map(([name]) => `${name}.**`).filter((path) => !isAround(path))
  const happened = HAPPENED.flatMap((schema) => pathsOf(schema, ''))
  return [...new Set([...paths, ...written, ...happened, 'contacts.**', 'template.**'])].toSorted()
}

/** As `payloadPaths`, of what WhatsApp reports of a message: the error and the price of a status. */
export const statusPaths = (name: 'errors' | 'conversation' | 'pricing'): string[] =>
  pathsOf(Status.shape[name], name === 'errors' ? '' : name).toSorted()

const isAround = (path: string): boolean =>
  [...AROUND, ...ENVELOPE].some((name) => path === `${name}.**`)

/** The paths of a schema's leaves; lists add no part to a path. */
export function pathsOf(schema: unknown, at: string): string[] {
  const bare = unwrapped(schema)
  if (!(bare instanceof z.ZodObject)) return at === '' ? [] : [at]
  return Object.entries(bare.shape).flatMap(([name, inner]) =>
    pathsOf(inner, at === '' ? name : `${at}.${name}`),
  )
}

function unwrapped(schema: unknown): unknown {
  if (schema instanceof z.ZodArray) return unwrapped(schema.element)
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodCatch)
    return unwrapped(schema.unwrap())
  return schema
}
