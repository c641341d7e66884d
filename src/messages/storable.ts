type Loose = Record<string, unknown>

export const objectOf = (value: unknown): Loose | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Loose)
    : undefined
export const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])

/** Deeper than anything WhatsApp documents; recursion over less than this is safe. */
const MAX_DEPTH = 40

/** Never goes deeper itself: a body may nest millions deep. */
export function isTooDeep(value: unknown, left = MAX_DEPTH): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (left === 0) return true
  return Object.values(value).some((item) => isTooDeep(item, left - 1))
}

/** Escapes that PostgreSQL refuses in text or jsonb: NUL, and halves of a surrogate pair. */
const ODD = /\\u(?:0000|d[89a-f])/i

/** Only a JSON text with such an escape can hold a string that `storable` would change. */
export const mayHoldOddText = (json: string): boolean => ODD.test(json)

/** The same value with every string made storable: NUL and lone surrogates become U+FFFD. */
export function storable(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('\u0000', '\ufffd').toWellFormed()
  if (Array.isArray(value)) return value.map(storable)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, storable(item)]))
}

const MINUTE = 60_000
/** WhatsApp did not exist before; an earlier time is a clock that was never set. */
const EARLIEST = Date.UTC(2009, 0, 1)

/**
 * A time of WhatsApp, in seconds as text or number (milliseconds are recognised), or undefined when it
 * cannot be one: not a number, before 2009, or more than five minutes after it arrived.
 */
export function timeOf(value: unknown, arrived: Date): Date | undefined {
  if (typeof value !== 'number' && !/^\d{1,16}$/.test(String(value))) return undefined
  const given = Number(value)
  const ms = given > 1e11 ? given : given * 1000
  const isPlausible = ms >= EARLIEST && ms <= arrived.getTime() + 5 * MINUTE
  return isPlausible ? new Date(ms) : undefined
}

/** At most `max` characters, never half of one. */
export const cut = (text: string, max: number): string =>
  text.length <= max
    ? text
    : text
        .slice(0, max)
        .toWellFormed()
        .replace(/\ufffd$/, '')

/** True when nothing of `original` is missing in `declared`; null and absent are the same. */
export function covers(original: unknown, declared: unknown): boolean {
  if (original === null || original === undefined || original === declared) return true
  if (typeof original === 'number') return String(original) === declared
  if (typeof original !== 'object' || typeof declared !== 'object') return false
  const kept = declared as Record<string, unknown> | null
  const isSameKind = Array.isArray(original) === Array.isArray(declared)
  return isSameKind && Object.entries(original).every(([key, value]) => covers(value, kept?.[key]))
}
