import { createHmac } from 'node:crypto'
import { z } from 'zod'
import { sameSecret } from '../ids.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'

const NO_CURSOR = 'This is not a cursor of this list with these filters.'

/** What every list takes. */
export const Page = {
  limit: z.coerce
    .number('must be a whole number from 1 to 100')
    .int('must be a whole number from 1 to 100')
    .min(1, 'must be at least 1')
    .max(100, 'may be at most 100')
    .default(50)
    .meta({ description: 'How many entries to give, at most 100.' }),
  cursor: z
    .string()
    .max(600, NO_CURSOR)
    .optional()
    .meta({ description: 'The `next_cursor` of the page before.' }),
}

export type Paged = {
  on: Resources
  /** The list a cursor belongs to: organization, path and filters. */
  list: string
  query: { limit: number; cursor?: string | undefined }
}

type Walk<Row, Place> = {
  /** Up to `limit` rows beyond `after`, in the order of the list. */
  read(after: Place | undefined, limit: number): Promise<Row[]>
  place(row: Row): Place
  show(row: Row): unknown
}

/** One page of a list and the cursor that continues it; one row more is read to know whether there is a next page. */
export async function page<Row, Place>(
  ask: Paged,
  walk: Walk<Row, Place>,
): Promise<{ data: unknown[]; next_cursor: string | null }> {
  const { limit, cursor } = ask.query
  const found = await walk.read(openCursor(ask, cursor) as Place | undefined, limit + 1)
  const shown = found.slice(0, limit)
  const last = shown.at(-1)
  return {
    data: shown.map((row) => walk.show(row)),
    next_cursor: last && found.length > limit ? makeCursor(ask, walk.place(last)) : null,
  }
}

const seal = (ask: Paged, place: string): string =>
  createHmac('sha256', ask.on.vault.derive('api-cursors'))
    .update(`${ask.list}|${place}`)
    .digest('base64url')
    .slice(0, 22)

function makeCursor(ask: Paged, place: unknown): string {
  const text = Buffer.from(JSON.stringify(place)).toString('base64url')
  return `${text}.${seal(ask, text)}`
}

/** A cursor is signed, so that a made-up one cannot reach the database as a value of another kind. */
function openCursor(ask: Paged, cursor: string | undefined): unknown {
  if (cursor === undefined) return undefined
  const [text = '', sum = ''] = cursor.split('.')
  if (!sameSecret(sum, seal(ask, text)))
    throw new Refusal(422, 'invalid', NO_CURSOR, { cursor: NO_CURSOR })
  return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
}
