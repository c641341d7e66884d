import { access, rm } from 'node:fs/promises'
import path from 'node:path'
import { rows } from '../db.ts'
import { clearAlarms, raiseAlarm } from '../ops/alarms.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { backupIn } from './sealed-backup.ts'

export type Backup = {
  id: string
  kind: string
  file: string
  made_at: Date
  expires_at: Date
  bytes: number | null
  sha256: Buffer | null
  removed_at: Date | null
}

const COLUMNS = 'id, kind, file, made_at, expires_at, bytes, sha256, removed_at'

/** The backups there are, and those of the last 90 days that are gone; the newest first. */
export const listBackups = (on: Resources): Promise<Backup[]> =>
  on.db.withSystem((tx) =>
    rows<Backup>(tx, `select ${COLUMNS} from backups order by made_at desc, id desc`),
  )

/**
 * Remove every backup whose time is over at `now`, the file and then its place on the list; answers how many. One that
 * cannot be removed from here (another machine has it, or the folder is closed) raises an alarm until somebody does, and says
 * so with `noteGone`. Answers the ids of those, too. Source: privacy promise P43.
 */
export async function expireBackups(
  on: Resources,
  now: Date,
): Promise<{ removed: number; late: string[] }> {
  const over = await on.db.withSystem((tx) =>
    rows<Backup>(
      tx,
      `select ${COLUMNS} from backups where removed_at is null
          and least(expires_at, made_at + make_interval(days => ?)) <= ? order by made_at`,
      [on.config.BACKUP_RETENTION_DAYS, now],
    ),
  )
  const late: string[] = []
  for (const backup of over)
    if (await remove(backup)) await noteGone(on, backup.id)
    else late.push(backup.id)
  for (const id of late) await raiseAlarm(on, alarmOf(id), now)
  await clearAlarms(on, { kind: 'backup', except: late, now })
  return { removed: over.length - late.length, late }
}

/** A backup that was removed by hand, where no sweep reaches. Throws Refusal 404. */
export async function noteGone(on: Resources, id: string): Promise<void> {
  const noted = await on.db.withSystem((tx) =>
    rows(tx, 'update backups set removed_at = ? where id = ? and removed_at is null returning id', [
      on.now(),
      id,
    ]),
  )
  if (noted.length === 0) throw notFound('backup')
}

/** Whether a backup is left that may hold what was deleted at `purged`. */
export async function isInBackups(on: Resources, purged: Date): Promise<boolean> {
  const found = await on.db.withSystem((tx) =>
    rows(tx, 'select 1 from backups where removed_at is null and made_at <= ? limit 1', [purged]),
  )
  return found.length > 0
}

/** True when no file with this backup is at its place any more; false where that cannot be seen from here. */
async function remove({ id, file }: Backup): Promise<boolean> {
  const isHere = file !== '' && (await isThere(path.dirname(file)))
  if (!isHere) return false
  try {
    await rm(`${file}.part`, { force: true })
    const held = (await isThere(file)) ? await backupIn(file).catch(() => undefined) : undefined
    if (held === id) await rm(file)
    return true
  } catch {
    return false
  }
}

const isThere = (place: string): Promise<boolean> =>
  access(place).then(
    () => true,
    () => false,
  )

const alarmOf = (id: string) => ({
  kind: 'backup',
  ref: id,
  stage: 'late',
  subject: 'A backup is older than it may be',
  lines: [
    `Backup ${id} could not be removed from here: the machine or the folder it was written to is not this one.`,
    `Remove it there, then run \`chatflow backup gone ${id}\`. Until then what was deleted meanwhile is not gone from all copies.`,
  ],
})
