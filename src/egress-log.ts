import { rows, type Db } from './db.ts'
import { newId } from './ids.ts'
import type { Log } from './log.ts'

/** That something went out: where, what for and how much. Never what it was, and never to whom. */
export type Sortie = {
  at: Date
  host: string
  purpose: string
  org: string | null
  /** Bytes of what was sent, without the headers. */
  bytes: number
  /** The status of the answer; null when there was none. */
  status: number | null
}

export type EgressLog = {
  /** Never waits: it is written within a second. */
  note(sortie: Sortie): void
  /** Resolves when all that was noted is written, or could not be. */
  close(): Promise<void>
}

const EVERY_MS = 1_000
const BATCH = 500
/** While the database is away. What does not fit is counted. */
const KEPT = 20_000

/** What the door lets out, in batches: a row per request costs a busy number more than the request. */
export function openEgressLog(db: Db, log: Log): EgressLog {
  let waiting: Sortie[] = []
  let lost = 0
  let writing: Promise<void> | undefined
  const write = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, BATCH)
      await db.withSystem((tx) => rows(tx, INSERT, [JSON.stringify(batch.map(rowOf))]))
      waiting = waiting.slice(batch.length)
    }
    if (lost > 0) log.warn({ dropped: lost }, 'egress log entries dropped')
    lost = 0
  }
  const flush = (): Promise<void> => {
    writing ??= write()
      .catch((error: unknown) => log.warn({ err: error }, 'egress log not written'))
      .finally(() => {
        writing = undefined
      })
    return writing
  }
  const timer = setInterval(() => void flush(), EVERY_MS).unref()
  return {
    note(sortie) {
      if (waiting.length >= KEPT) lost += 1
      else waiting.push(sortie)
    },
    async close() {
      clearInterval(timer)
      await flush()
      await flush()
    },
  }
}

/** What goes out for an organization that is being deleted, to tell Meta, is kept as nobody's. */
const INSERT = `
  insert into egress_log (id, at, host, purpose, org_id, bytes, status)
  select i.id, i.at, i.host, i.purpose, o.org_id, i.bytes, i.status
    from jsonb_to_recordset(?::jsonb) as i (id uuid, at timestamptz, host text, purpose text, org uuid, bytes bigint, status int)
    left join organizations o on o.org_id = i.org and o.status <> 'purging'`

const rowOf = (sortie: Sortie): object => ({ id: newId(), ...sortie })
