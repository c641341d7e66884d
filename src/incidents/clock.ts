import { clearAlarms, raiseAlarm } from '../ops/alarms.ts'
import { rows } from '../db.ts'
import type { Resources } from '../resources.ts'

const HOUR_MS = 3_600_000
/** To the authority, from the moment we knew. Source: GDPR 33(1). */
export const AUTHORITY_HOURS = 72
/** To the organizations, our own target. Source: GDPR 33(2), "without undue delay"; promise P32. */
export const ORGS_HOURS = 24

type Clock = 'authority' | 'organizations'
/** When somebody is told that a clock runs out, in hours; the last is the end. */
const STAGES: Readonly<Record<Clock, readonly number[]>> = {
  authority: [48, 71, AUTHORITY_HOURS],
  organizations: [20, ORGS_HOURS],
}

type Running = { id: string; aware_at: Date; authority: boolean; organizations: boolean }

/** The latest stage a clock has come to; undefined before the first. */
export function stageOf(clock: Clock, aware: Date, now: Date): number | undefined {
  return STAGES[clock].findLast((hours) => now.getTime() >= aware.getTime() + hours * HOUR_MS)
}

/**
 * Tell whoever answers for privacy as the clocks of open breaches run out: at 48 and 71 hours, and when they are over.
 * Once for each stage; the latest alone when nobody looked for long. Answers the ids of those that are close.
 */
export async function watchIncidents(on: Resources, now: Date): Promise<string[]> {
  const near = new Set<string>()
  for (const incident of await listRunning(on))
    for (const clock of ['authority', 'organizations'] as const) {
      const stage = incident[clock] ? stageOf(clock, incident.aware_at, now) : undefined
      if (stage === undefined) continue
      near.add(incident.id)
      await raise(on, incident, { clock, stage, now })
    }
  await clearAlarms(on, { kind: 'incident', except: [...near], now })
  return [...near]
}

const listRunning = (on: Resources): Promise<Running[]> =>
  on.db.withSystem((tx) =>
    rows<Running>(
      tx,
      `select id, aware_at, notified_authority_at is null and authority_reason is null as authority,
              exists (select from incident_orgs o where o.incident_id = i.id and o.told_at is null) as organizations
         from incidents i where closed_at is null order by aware_at, id`,
    ),
  )

type At = { clock: Clock; stage: number; now: Date }

async function raise(on: Resources, { id, aware_at }: Running, at: At): Promise<void> {
  const { clock, stage, now } = at
  const end = STAGES[clock].at(-1) ?? 0
  const whom = clock === 'authority' ? 'the supervisory authority' : 'the organizations it concerns'
  const subject =
    stage === end
      ? `A breach was not told to ${whom} in time`
      : `${end - stage} hours are left to tell ${whom} of a breach`
  const until = new Date(aware_at.getTime() + end * HOUR_MS)
  const lines = [
    `Breach ${id}, to be told by ${until.toISOString()}.`,
    `Tell them, or write down why not: ${on.config.APP_URL}/ops/incidents/${id}`,
  ]
  const words = `${clock}_${stage === end ? 'late' : STAGE_WORDS[stage]}`
  await raiseAlarm(on, { kind: 'incident', ref: id, stage: words, subject, lines }, now)
}

const STAGE_WORDS: Readonly<Record<number, string>> = {
  20: 'twenty',
  48: 'forty_eight',
  71: 'seventy_one',
}
