import type { Config } from '../config.ts'
import { RESTORE_DOORS, rows } from '../db.ts'
import { checkLedger, type Line } from '../deletions/ledger.ts'
import type { Log } from '../log.ts'
import { migrate } from '../migrate.ts'
import { Refusal } from '../refusal.ts'
import { openResources, type Resources } from '../resources.ts'
import { openVault } from '../vault.ts'
import { replayAll } from './again.ts'
import { letIn, shut } from './door.ts'
import { readEntries, type Entry } from './frames.ts'
import { gatherLedger } from './known-ledger.ts'
import { load } from './load.ts'
import { backupIn, notOne, readSealed } from './sealed-backup.ts'
import { listBackups, type Backup } from './shelf.ts'
import type { About } from './snapshot.ts'

export type Restored = {
  backup: string
  made_at: string
  /** Deletions that had to be done again. */
  replayed: number
  note: string
}

export type Place = { config: Config; log: Log; now?: () => Date; queuePrefix?: string }
type Wish = {
  file: string
  /** Where the deletion ledger lies, if not in DATA_DIR. */
  ledger?: string | undefined
  /** Told of each stage before it begins; what it throws ends the run as a crash would. */
  observe?: (at: string) => void
}

const NOTE =
  'Everybody signs in again. What waited to be sent when the backup was made is marked as in doubt. Members and API keys are those of that time: look at them.'

/**
 * The database as a backup has it, and after that every deletion since. From before the first row changes until the last
 * deletion is done again nobody is let in but this; killed anywhere, the same call goes on or begins anew. Throws Refusal
 * 404 and 422 for a file that cannot be restored, 410 for one whose time is over, 409 for a ledger that does not reach it
 * or is broken, and for deletions that could not be done again.
 * Source: privacy promise P43.
 */
export async function restoreBackup(at: Place, wish: Wish): Promise<Restored> {
  const about = await readAbout(at, wish.file)
  await migrate(at.config.DATABASE_URL)
  const on = await openResources(at.config, { ...at, doors: RESTORE_DOORS })
  try {
    const lines = await gatherLedger(on, { end: about.ledger, given: wish.ledger })
    if (!(await isLoaded(on, about.id))) await bringBack(on, about, { wish, lines })
    wish.observe?.('loaded')
    // Later migrations than the backup's; none of them opens the door.
    await migrate(at.config.DATABASE_URL)
    const madeAt = new Date(about.made_at)
    const replayed = await replayAll(on, { madeAt, observe: wish.observe })
    await letIn(on, { backup: about.id, replayed })
    return { backup: about.id, made_at: about.made_at, replayed, note: NOTE }
  } finally {
    await on.close()
  }
}

async function readAbout(at: Place, file: string): Promise<About> {
  const id = await backupIn(file)
  const entries = readEntries(readSealed(openVault(at.config.masterKeys), id, file))
  const first = await entries.next()
  await entries.return(undefined)
  const about = (first.done ? {} : first.value.head) as Partial<About>
  if (about.what !== 'backup' || about.id !== id) throw notOne()
  const now = at.now?.() ?? new Date()
  if (new Date(about.expires_at ?? 0) <= now)
    throw new Refusal(410, 'expired', 'The time of this backup is over: it must not be used.')
  return about as About
}

/** An earlier run came this far. */
const isLoaded = (on: Resources, backup: string): Promise<boolean> =>
  on.db.withSystem(async (tx) => {
    const open = await rows(
      tx,
      'select 1 from restores where backup_id = ? and opened_at is null limit 1',
      [backup],
    )
    return open.length > 0
  })

type Source = { wish: Wish; lines: Line[] }

async function bringBack(on: Resources, about: About, { wish, lines }: Source): Promise<void> {
  const reopen = await shut(on)
  wish.observe?.('shut')
  try {
    const backups = await listBackups(on)
    const entries = readEntries(readSealed(on.vault, about.id, wish.file))
    await load(on.config.DATABASE_URL, about, watched(entries, wish), {
      lines,
      backups: withLedger(on, backups, lines),
      at: on.now(),
    })
  } catch (error) {
    // Nothing was changed: who was let in before is let in again.
    await reopen()
    throw error
  }
}

async function* watched(entries: AsyncIterable<Entry>, { observe }: Wish): AsyncGenerator<Entry> {
  for await (const entry of entries) {
    observe?.(`entry ${String(entry.head['table'] ?? entry.head['what'])}`)
    yield entry
  }
}

/** Backups that only the ledger remembers have no place that a sweep could clear: they raise an alarm in time. */
function withLedger(on: Resources, backups: Backup[], lines: Line[]): Backup[] {
  const known = new Set(backups.map(({ id }) => id))
  const forgotten = checkLedger(on.vault, lines).flatMap((entry) =>
    entry.what === 'backup' && !known.has(entry.id) && entry.expires_at > on.now() ? [entry] : [],
  )
  return [
    ...backups,
    ...forgotten.map(({ id, made_at, expires_at }) => ({
      id,
      kind: 'file',
      file: '',
      made_at,
      expires_at,
      bytes: null,
      sha256: null,
      removed_at: null,
    })),
  ]
}
