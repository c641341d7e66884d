/** How moments are written for one reader: in their zone, and unless they chose otherwise with a 24-hour clock, day before month. */
export type Times = {
  /** `14:02` */
  clock(at: Date): string
  /** `14:02` today, `Tue` within six days, `3 Oct` within the year, `3 Oct 2025` before. */
  short(at: Date): string
  /** `3 Oct`, with the year when it is another. */
  date(at: Date): string
  /** `Today`, `Yesterday`, `Monday 23 November`, with the year when it is another. */
  day(at: Date): string
  /** The calendar day as a key: `2026-11-24`. */
  dayKey(at: Date): string
  /** `Tuesday 24 November 2026 at 14:02` */
  full(at: Date): string
}

/** Ways to write a date in English, by the place they are usual in. */
export type Formats = 'en-GB' | 'en-US' | 'en-SE'
const LOCALE: Formats = 'en-GB'
const DAY_MS = 86_400_000

/** Whether the system knows a time zone by this name. */
export function isZone(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat(LOCALE, { timeZone: name }))
  } catch {
    return false
  }
}

/** A zone name from a cookie, or UTC when it is none. */
export function zoneOf(name: string | undefined): string {
  try {
    return new Intl.DateTimeFormat(LOCALE, { timeZone: name ?? 'UTC' }).resolvedOptions().timeZone
  } catch {
    return 'UTC'
  }
}

const made = new Map<
  string,
  Record<'clock' | 'week' | 'date' | 'dated' | 'day' | 'key' | 'full', Intl.DateTimeFormat>
>()

/** Making a formatter costs more than a page of rows, so they are kept. */
function formatters(timeZone: string, formats: Formats): NonNullable<ReturnType<typeof made.get>> {
  const known = made.get(`${formats} ${timeZone}`)
  if (known) return known
  const format = (
    options: Intl.DateTimeFormatOptions,
    locale: string = formats,
  ): Intl.DateTimeFormat => new Intl.DateTimeFormat(locale, { timeZone, ...options })
  const set = {
    clock: format({ hour: '2-digit', minute: '2-digit' }),
    week: format({ weekday: 'short' }),
    date: format({ day: 'numeric', month: 'short' }),
    dated: format({ day: 'numeric', month: 'short', year: 'numeric' }),
    day: format({ weekday: 'long', day: 'numeric', month: 'long' }),
    key: format({ year: 'numeric', month: '2-digit', day: '2-digit' }, 'en-CA'),
    full: format({ dateStyle: 'full', timeStyle: 'short' }),
  }
  made.set(`${formats} ${timeZone}`, set)
  return set
}

export function timesIn(zone: string, now: Date, formats: Formats = LOCALE): Times {
  const f = formatters(zone, formats)
  const dayKey = (at: Date): string => f.key.format(at)
  const daysAgo = (at: Date): number =>
    Math.round((Date.parse(dayKey(now)) - Date.parse(dayKey(at))) / DAY_MS)
  const sameYear = (at: Date): boolean => dayKey(at).slice(0, 4) === dayKey(now).slice(0, 4)
  const date = (at: Date): string => (sameYear(at) ? f.date : f.dated).format(at)
  return {
    clock: (at) => f.clock.format(at),
    short(at) {
      const days = daysAgo(at)
      if (days <= 0) return f.clock.format(at)
      return days < 7 ? f.week.format(at) : date(at)
    },
    date,
    day(at) {
      const days = daysAgo(at)
      if (days === 0) return 'Today'
      if (days === 1) return 'Yesterday'
      const day = f.day.format(at).replace(',', '')
      return sameYear(at) ? day : `${day} ${dayKey(at).slice(0, 4)}`
    },
    dayKey,
    full: (at) => f.full.format(at),
  }
}
