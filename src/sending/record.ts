import { setTimeout as pause } from 'node:timers/promises'
import { erasingConversationsSql } from '../contacts/erasing.ts'
import { isRetriable, rows, type Tx } from '../db.ts'
import { appendFeed } from '../feed/feed.ts'
import { absorbEcho } from '../messages/echoes.ts'
import { applyStatuses } from '../messages/status.ts'
import type { Resources } from '../resources.ts'
import { askSyncFor } from '../templates/syncs.ts'
import { isMoreDue, type Entry } from './claim.ts'
import { suspend, TRIAL_MS, wakeConnection } from './hold.ts'
import type { Verdict } from './verdict.ts'

type State = 'claimed' | 'posting' | 'unknown'

/** What was written, and whether the connection has more to send. */
type Recorded = { moved: boolean; suspended: boolean; more: boolean }

/**
 * Write what became of a post, unless the lease was lost meanwhile: then somebody else has decided, and nothing
 * changes. The statuses that came before the wamid was known are applied after the commit.
 * True when the connection has more to send.
 */
export async function record(on: Resources, entry: Entry, verdict: Verdict): Promise<boolean> {
  const done = await steadily(() =>
    on.db.withTenant(entry.org, (tx) => write(on, tx, entry, verdict)),
  )
  if (done.moved) {
    on.tally.count('message', verdict.kind, { reason: codeOf(verdict) })
    on.events.publish({ kind: 'feed', org: entry.org })
  }
  if (done.suspended) {
    on.events.publish({ kind: 'connections' })
    on.log.warn(
      { org: entry.org, connection: entry.connection, code: codeOf(verdict) },
      'connection held',
    )
  }
  if (verdict.kind === 'accepted') await applyStatuses(on, entry.org, [verdict.wamid])
  const proven = verdict.kind === 'accepted' || verdict.kind === 'failed'
  if (entry.trial && proven) await wakeConnection(on, entry.org, entry.connection)
  return done.more
}

const codeOf = (verdict: Verdict): string => ('code' in verdict ? verdict.code : '')

async function write(on: Resources, tx: Tx, entry: Entry, verdict: Verdict): Promise<Recorded> {
  const { org, message } = entry
  const accepted = verdict.kind === 'accepted' ? [{ message, wamid: verdict.wamid }] : []
  const echoed = await absorbEcho(tx, org, accepted)
  const moved = await move(on, tx, entry, verdict)
  const suspended =
    moved && verdict.kind === 'held' ? await suspend(tx, entry, verdict.code) : false
  const more = await isMoreDue(tx, entry)
  const changes = [
    ...(moved ? [{ kind: 'message.updated' as const, ref: message }] : []),
    ...echoed.map((ref) => ({ kind: 'conversation.updated' as const, ref })),
  ]
  if (changes.length > 0) await appendFeed(tx, org, changes)
  return { moved, suspended, more }
}

function move(on: Resources, tx: Tx, entry: Entry, verdict: Verdict): Promise<boolean> {
  if (verdict.kind === 'accepted') return accept(tx, entry, verdict.wamid)
  if (verdict.kind === 'retry')
    return wait(tx, entry, { ms: verdict.afterMs, class: verdict.class, code: verdict.code })
  if (verdict.kind === 'held')
    return wait(tx, entry, { ms: TRIAL_MS, class: 'connection', code: verdict.code })
  if (verdict.kind === 'failed') return fail(tx, entry, verdict, on.now())
  return doubt(tx, entry, verdict.code)
}

type Leased = Pick<Entry, 'org' | 'message' | 'fence'>
type Change = { from: State[]; set: string; values?: Record<string, string | number> }

/**
 * The fenced write: the message's row is locked first, as the statuses do it, then the entry changes if it is
 * still ours and in one of the states `from`. False means that the lease was lost, or that the person is being erased:
 * whatever WhatsApp answers is not kept then.
 */
async function change(tx: Tx, entry: Leased, { from, set, values }: Change): Promise<boolean> {
  const own = { org: entry.org, message: entry.message, fence: entry.fence }
  await rows(
    tx,
    `select id from messages where org_id = :org and id = :message for no key update`,
    own,
  )
  const changed = await rows(
    tx,
    `update outbox set ${set} where org_id = :org and message_id = :message and fence = :fence
        and state = any(:from) and conversation_id not in (${erasingConversationsSql(':org')}) returning message_id`,
    { ...own, ...values, from },
  )
  return changed.length === 1
}

const ENDED = `state = 'done', finished_at = now(), lease_until = null`

/** An answer that came after the sweep had called the outcome unknown is still the truth about this post. */
async function accept(tx: Tx, entry: Entry, wamid: string): Promise<boolean> {
  const ours = await change(tx, entry, {
    from: ['posting', 'unknown'],
    set: `${ENDED}, error_code = null`,
  })
  if (ours)
    await tx.raw(
      // Any other row with this wamid is somebody's mistake; statuses then come by our own id.
      `update messages m set rank = greatest(m.rank, 20), status = status_of(greatest(m.rank, 20)::smallint),
              wamid = coalesce(m.wamid, (select :wamid::text where not exists (
                select from messages x where x.org_id = :org and x.wamid = :wamid::text)))
        where m.org_id = :org and m.id = :message`,
      { org: entry.org, message: entry.message, wamid },
    )
  return ours
}

type Wait = { ms: number; class: string; code: string }

/** Later messages of the conversation are held back for a minute at most; for good while the connection is held. */
async function wait(tx: Tx, entry: Entry, { ms, class: kind, code }: Wait): Promise<boolean> {
  const hold =
    kind === 'connection' ? 'null' : `coalesce(hold_until, now() + interval '60 seconds')`
  const ours = await change(tx, entry, {
    from: ['claimed', 'posting'],
    set: `state = 'retry', lease_until = null, due_at = now() + :ms * interval '1 millisecond', hold_until = ${hold},
     error_class = :kind, error_code = :code`,
    values: { ms, kind, code },
  })
  if (ours)
    await tx.raw(
      `update messages set status = 'queued', rank = 0 where org_id = ? and id = ? and rank <= 5`,
      [entry.org, entry.message],
    )
  return ours
}

/** What a dead process had claimed and never wrote to the wire is due again, as if nobody had taken it. */
export async function takeBack(tx: Tx, entry: Leased): Promise<boolean> {
  const ours = await change(tx, entry, {
    from: ['claimed', 'posting'],
    set: `state = 'pending', lease_until = null, due_at = now()`,
  })
  if (ours)
    await tx.raw(
      `update messages set status = 'queued', rank = 0 where org_id = ? and id = ? and rank <= 5`,
      [entry.org, entry.message],
    )
  return ours
}

/**
 * The outcome is not known; a status that settles it comes within seconds or not at all, so the conversation waits
 * for 20. Also what the sweep makes of a lease that ended in `posting`.
 */
export async function doubt(tx: Tx, entry: Leased, code: string): Promise<boolean> {
  const ours = await change(tx, entry, {
    from: ['posting'],
    set: `state = 'unknown', lease_until = null, hold_until = now() + interval '20 seconds', error_class = 'unknown',
     error_code = :code`,
    values: { code },
  })
  if (ours)
    await tx.raw(
      `update messages set status = 'unknown', rank = 10 where org_id = ? and id = ? and rank < 10`,
      [entry.org, entry.message],
    )
  return ours
}

type Failure = Extract<Verdict, { kind: 'failed' }>

async function fail(tx: Tx, entry: Entry, failure: Failure, at: Date): Promise<boolean> {
  const { class: kind, code, title } = failure
  const ours = await change(tx, entry, {
    from: ['claimed', 'posting', 'unknown'],
    set: `${ENDED}, error_class = :kind, error_code = :code`,
    values: { kind, code },
  })
  if (!ours) return false
  await tx.raw(
    `update messages set rank = greatest(rank, 40), status = status_of(greatest(rank, 40)::smallint),
            failed_at = least(failed_at, :at), error_code = :code, error_title = :title
      where org_id = :org and id = :message`,
    { org: entry.org, message: entry.message, at, code, title },
  )
  // What is known of the template is old.
  if (kind === 'template') await askSyncFor(tx, entry.org, entry.connection)
  if (kind === 'window')
    await tx.raw(
      `update conversations set window_expires_at = least(window_expires_at, ?) where org_id = ? and id = ?`,
      [at, entry.org, entry.conversation],
    )
  return true
}

const TRIES_MS = [100, 200, 400, 800, 1_600, 3_200, 6_400]

/** What WhatsApp answered is worth patience: while the lease lasts, the write is tried again. */
async function steadily<T>(run: () => Promise<T>): Promise<T> {
  for (const ms of TRIES_MS) {
    try {
      return await run()
    } catch (error) {
      if (!isRetriable(error)) throw error
      await pause(ms)
    }
  }
  return run()
}
