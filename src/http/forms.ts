import express, { type Request, type RequestHandler } from 'express'
import type { z } from 'zod'
import { Refusal } from '../refusal.ts'

/** Form bodies are small: text of a message is 4,096 characters, up to four bytes each, percent-encoded. */
const FORM_LIMIT = '64kb'

/** The parser drops a field of this name without a word; no form has one, so it is refused as any other. */
const PROTO = '__proto__'
const hasProto = new WeakSet<object>()

/** Reads form bodies. */
export const formBodies = (): RequestHandler =>
  express.urlencoded({
    extended: false,
    limit: FORM_LIMIT,
    parameterLimit: 100,
    verify(req, _res, bytes) {
      if (new URLSearchParams(bytes.toString()).has(PROTO)) hasProto.add(req)
    },
  })

/** No NUL and no half of a surrogate pair: PostgreSQL refuses both, so they are refused at the edge. */
export const isStorable = (text: string): boolean => !text.includes('\u0000') && text.isWellFormed()

/**
 * The fields of a form, checked; throws Refusal 422 `invalid` with one sentence per field.
 * Text that cannot be stored is refused whatever the schema says.
 */
export function readForm<T extends z.ZodType>(schema: T, req: Request): z.infer<T> {
  const body = (req.body ?? {}) as Record<string, unknown>
  const broken = Object.entries(body).find(
    ([, value]) => typeof value === 'string' && !isStorable(value),
  )
  if (broken) throw invalid({ [broken[0]]: 'This text has characters that cannot be kept.' })
  if (hasProto.has(req)) throw invalid({ [PROTO]: unasked(PROTO) })
  const parsed = schema.safeParse(body)
  if (!parsed.success) throw invalid(fieldErrors(parsed.error))
  return parsed.data
}

const unasked = (name: string): string => `“${name}” is not asked for here. Leave it out.`
const NAME_SHOWN = 60

/** The first sentence for each field, by its dotted path; a field that a closed form does not have is named too. */
export function fieldErrors(error: z.ZodError): Record<string, string> {
  const fields = new Map<string, string>()
  const note = (path: PropertyKey[], sentence: (name: string) => string): void => {
    const name = path.join('.') || 'form'
    if (!fields.has(name)) fields.set(name, sentence(name))
  }
  for (const { path, message, ...issue } of error.issues)
    if (issue.code === 'unrecognized_keys')
      for (const key of issue.keys) note([...path, key.slice(0, NAME_SHOWN)], unasked)
    else note(path, () => message)
  return Object.fromEntries(fields)
}

export const invalid = (fields: Record<string, string>): Refusal =>
  new Refusal(
    422,
    'invalid',
    Object.values(fields)[0] ?? 'Something in this form is not right.',
    fields,
  )
