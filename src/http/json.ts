import express, { type RequestHandler } from 'express'
import type { z } from 'zod'
import { Refusal } from '../refusal.ts'
import { isStorable } from './forms.ts'

const LIMIT = '256kb'
const MAX_DEPTH = 32

/** Reads a JSON body; what cannot be read is 400, 413 or 415 with the reason. */
export function jsonBody(): RequestHandler {
  const read = express.json({ limit: LIMIT, type: 'application/json' })
  return (req, res, next) => {
    if (!req.is('application/json'))
      throw new Refusal(
        415,
        'unsupported_media_type',
        'Send JSON with Content-Type: application/json.',
      )
    read(req, res, (error?: { status?: number }) => next(error && unreadable(error)))
  }
}

function unreadable(error: { status?: number }): unknown {
  if (error.status === 413)
    return new Refusal(413, 'too_large', `A body may have at most ${LIMIT.replace('kb', ' KB')}.`)
  if (error.status === 415)
    return new Refusal(415, 'unsupported_media_type', 'Send UTF-8, not compressed or with gzip.')
  return error.status === 400
    ? new Refusal(400, 'bad_json', 'The body is not a JSON object.')
    : error
}

/** The value as the schema wants it; throws Refusal 422 naming every field that is wrong or unknown. */
export function check<T extends z.ZodType>(schema: T, value: unknown): z.infer<T> {
  const broken = unstorable(value, [])
  if (broken) throw invalid({ [broken.path.join('.') || 'body']: broken.why })
  const parsed = schema.safeParse(value)
  if (!parsed.success) throw invalid(Object.fromEntries(parsed.error.issues.flatMap(sentences)))
  return parsed.data
}

const invalid = (fields: Record<string, string>): Refusal =>
  new Refusal(
    422,
    'invalid',
    `These fields are not right: ${Object.keys(fields).join(', ')}.`,
    fields,
  )

type Broken = { path: string[]; why: string }

function unstorable(value: unknown, path: string[]): Broken | undefined {
  if (path.length > MAX_DEPTH) return { path: path.slice(0, 3), why: 'is nested too deeply' }
  if (typeof value === 'string')
    return isStorable(value)
      ? undefined
      : { path, why: 'has a NUL or half a surrogate pair, which cannot be kept' }
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, inner] of Object.entries(value)) {
    const found = isStorable(key)
      ? unstorable(inner, [...path, key])
      : { path, why: 'has a field name that cannot be kept' }
    if (found) return found
  }
  return undefined
}

function sentences(issue: z.core.$ZodIssue): [string, string][] {
  const at = issue.path.map(String)
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => [[...at, key].join('.'), 'is not a known field here'])
  return [[at.join('.') || 'body', issue.message]]
}
