import { z } from 'zod'

/** What the API calls each thing it describes; `openapi.json` takes the names from here. */
export const shapes = z.registry<{ id: string }>()

export function named<T extends z.ZodType>(id: string, shape: T): T {
  shapes.add(shape, { id })
  return shape
}

export const time = z.iso.datetime()
export const maybeTime = time.nullable()

/** ISO 8601 in UTC, with milliseconds. */
export const iso = (at: Date | null): string | null => at?.toISOString() ?? null
