import { DAY_MS, SMALLEST_GROUP } from '../privacy/limits.ts'
import type { Resources } from '../resources.ts'

/** `ok` holds; `bad` does not; `warn` needs somebody's eye or is too old; `none` was not measured yet. */
export type State = 'ok' | 'warn' | 'bad' | 'none'

/** What a check found. `at` is when it was so, the moment of asking unless it says otherwise. */
export type Reading = { state: State; value: string; detail?: string; at?: Date }

/** One figure of the Trust page. `about` is the organization it is of; of the whole installation where there is none. */
export type Figure = {
  id: string
  group: Group
  title: string
  /** How it is measured, in a sentence. */
  how: string
  /** A reading older than this is stale. */
  freshDays: number
  /** It is measured again after so many minutes; 1 unless told. */
  everyMinutes?: number
  measure(on: Resources): Promise<Reading>
}

export const GROUPS = {
  promises: 'Promises',
  security: 'Security',
  inventory: 'What is kept',
  deletion: 'Deletion and retention',
  rights: 'Rights',
  sharing: 'Sharing',
} as const
export type Group = keyof typeof GROUPS

export type Measured = Omit<Figure, 'measure' | 'freshDays' | 'everyMinutes'> & {
  state: State
  value: string
  detail: string
  measured_at: string
  stale_at: string
}

const PATIENCE_MS = 10_000

/** One figure, now. A check that throws or does not end is red, never green: nobody knows what it would have said. */
export async function measure(on: Resources, figure: Figure): Promise<Measured> {
  const now = on.now()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('the check did not end')), PATIENCE_MS)
  })
  try {
    return finished(figure, await Promise.race([figure.measure(on), late]), now)
  } catch (error) {
    on.log.error({ err: error, figure: figure.id }, 'figure not measured')
    const detail = 'The check itself failed. Its operator finds why in the log.'
    return finished(figure, { state: 'bad', value: 'not known', detail }, now)
  } finally {
    clearTimeout(timer)
  }
}

function finished(figure: Figure, reading: Reading, now: Date): Measured {
  const { measure: _, freshDays, everyMinutes: _every, ...about } = figure
  const at = reading.at ?? now
  return aged(
    {
      ...about,
      state: reading.state,
      value: reading.value,
      detail: reading.detail ?? '',
      measured_at: at.toISOString(),
      stale_at: new Date(at.getTime() + freshDays * DAY_MS).toISOString(),
    },
    now,
  )
}

/** The figure as it has to be read at `now`: what held once is no evidence for ever. */
export const aged = (figure: Measured, now: Date): Measured =>
  figure.state === 'ok' && now.toISOString() > figure.stale_at
    ? { ...figure, state: 'warn', detail: `Stale. ${figure.detail}`.trimEnd() }
    : figure

/** A count that gives nobody away: behind a small number, or the difference of two, somebody can be recognised. */
export function few(n: number): string {
  if (n === 0) return '0'
  return n < SMALLEST_GROUP
    ? `fewer than ${SMALLEST_GROUP}`
    : `${Math.floor(n / SMALLEST_GROUP) * SMALLEST_GROUP} or more`
}

const UNITS: readonly (readonly [ms: number, name: string])[] = [
  [DAY_MS, 'day'],
  [3_600_000, 'hour'],
]

/** "3 days", "5 hours": whole units, cut. */
export function span(ms: number): string {
  const [unit, name] = UNITS.find(([least]) => ms >= least) ?? [60_000, 'minute']
  const whole = Math.max(0, Math.floor(ms / unit))
  return `${whole} ${name}${whole === 1 ? '' : 's'}`
}
