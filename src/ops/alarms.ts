import { rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'
import type { Resources } from '../resources.ts'
import { queueMail, ringMail } from './mail.ts'

/** What somebody has to look at: `ref` says which one of its kind, `stage` how far it has come. */
export type Alarm = { kind: string; ref: string; stage: string; subject: string; lines: string[] }

/**
 * Tell whoever answers for privacy, once for each stage however often and by however many processes it is seen: the row
 * is the one that writes the letter. True for the one that did.
 */
export async function raiseAlarm(on: Resources, alarm: Alarm, now: Date): Promise<boolean> {
  const mail = await on.db.withSystem(async (tx) => {
    if (!(await isFirst(tx, alarm, now))) return undefined
    return queueMail(tx, on, {
      to: on.config.PRIVACY_CONTACT,
      kind: 'alarm',
      subject: alarm.subject,
      text: `${[alarm.subject, ...alarm.lines].join('\n\n')}\n`,
    })
  })
  if (mail === undefined) return false
  const { kind, ref, stage } = alarm
  on.log.error({ kind, ref, stage }, 'alarm raised')
  await ringMail(on, mail)
  return true
}

async function isFirst(tx: Tx, { kind, ref, stage }: Alarm, now: Date): Promise<boolean> {
  const raised = await rows(
    tx,
    `insert into alarms (id, kind, ref, stage, raised_at) values (?, ?, ?, ?, ?)
     on conflict (kind, ref, stage) do nothing returning id`,
    [newId(), kind, ref, stage, now],
  )
  return raised.length > 0
}

/** Take down the alarms of a kind but for those that still hold, by their refs. */
export async function clearAlarms(
  on: Resources,
  { kind, except, now }: { kind: string; except: string[]; now: Date },
): Promise<void> {
  await on.db.withSystem((tx) =>
    rows(
      tx,
      `update alarms set cleared_at = ? where kind = ? and cleared_at is null and not ref = any(?)`,
      [now, kind, except as never],
    ),
  )
}
