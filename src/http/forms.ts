import type { Request } from 'express'
import type { z } from 'zod'
import { Refusal } from '../refusal.ts'

/** Form bodies are small: text of a message is 4,096 characters, up to four bytes each, percent-encoded. */
export const FORM_LIMIT = '64kb'

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
  const parsed = schema.safeParse(body)
  if (!parsed.success) throw invalid(fieldErrors(parsed.error))
  return parsed.data
}

/** The first sentence for each field, by its dotted path. */
export function fieldErrors(error: z.ZodError): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const issue of error.issues) fields[issue.path.join('.') || 'form'] ??= issue.message
  return fields
}

export const invalid = (fields: Record<string, string>): Refusal =>
  new Refusal(
    422,
    'invalid',
    Object.values(fields)[0] ?? 'Something in this form is not right.',
    fields,
  )
