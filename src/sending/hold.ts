import { rows, type Tx } from '../db.ts'
import type { Doorbell } from '../queues.ts'
import type { Resources } from '../resources.ts'

/**
 * A connection that cannot send holds its entries: they stay queued, in order, and nothing fails. Every five
 * minutes one entry is tried; the first that WhatsApp takes, or new credentials, lets all of them go.
 */
export const TRIAL_MS = 300_000
const TRIAL = `interval '${TRIAL_MS} milliseconds'`

/** A number whose handshake is still awaited can send already. */
export const maySend = (state: string | undefined): boolean =>
  state === 'active' || state === 'pending'

/** How many entries may be claimed now: all, one as a trial, or none. */
export type Allowance = { limit: number; trial: boolean; perSecond: number }

/** What a connection's state allows; where nothing may go, what is due is put behind the next trial. */
export async function allowance(tx: Tx, { org, connection }: Doorbell): Promise<Allowance> {
  const [found] = await rows<{ state: string; trial: boolean; throughput: number }>(
    tx,
    `select case when o.status = 'active' then c.state else 'disabled' end as state, c.throughput,
            o.status = 'active' and c.state = 'suspended' and c.access_token is not null
              and c.updated_at <= now() - ${TRIAL} as trial
       from connections c join organizations o using (org_id) where c.org_id = ? and c.id = ?`,
    [org, connection],
  )
  const perSecond = found?.throughput ?? 0
  if (maySend(found?.state)) return { limit: Infinity, trial: false, perSecond }
  if (found?.trial && (await takeTrial(tx, { org, connection })))
    return { limit: 1, trial: true, perSecond }
  await postpone(tx, { org, connection })
  return { limit: 0, trial: false, perSecond }
}

/** One process at a time gets the trial: the row's time is its token. */
async function takeTrial(tx: Tx, { org, connection }: Doorbell): Promise<boolean> {
  const taken = await rows(
    tx,
    `update connections set updated_at = now() where org_id = ? and id = ? and state = 'suspended'
        and updated_at <= now() - ${TRIAL} returning id`,
    [org, connection],
  )
  return taken.length === 1
}

/** What is due moves behind the next trial, so that the sweeper does not ring for it every five seconds. */
async function postpone(tx: Tx, { org, connection }: Doorbell): Promise<void> {
  await tx.raw(
    `update outbox o set due_at = now() + ${TRIAL}, hold_until = null, error_class = 'connection'
       from (select message_id from outbox where org_id = :org and connection_id = :connection
                and state in ('pending', 'retry') and due_at <= now() for update skip locked) due
      where o.org_id = :org and o.message_id = due.message_id`,
    { org, connection },
  )
}

/**
 * A claimed entry goes back unposted and is due again after `ms`: its connection was held between claim and post
 * (`connection`), or too much went to the same person just now (`wait`). What follows in its conversation waits with it.
 */
export async function giveBack(
  tx: Tx,
  entry: { org: string; message: string; fence: number },
  { ms, because }: { ms: number; because: 'connection' | 'wait' },
): Promise<void> {
  await tx.raw(
    `update outbox set state = 'pending', lease_until = null, hold_until = null, error_class = ?,
            due_at = now() + ? * interval '1 millisecond'
      where org_id = ? and message_id = ? and fence = ? and state = 'claimed'`,
    [because, ms, entry.org, entry.message, entry.fence],
  )
}

/**
 * Mark the connection as unable to send because of `code`, WhatsApp's error or `credentials`. True when it was not
 * before; an owner's own switch (`disabled`, `removed`) stays.
 */
export async function suspend(tx: Tx, at: Doorbell, code: string): Promise<boolean> {
  const [before] = await rows<{ state: string }>(
    tx,
    `select state from connections where org_id = ? and id = ? for no key update`,
    [at.org, at.connection],
  )
  await tx.raw(
    `update connections set state = 'suspended', state_reason = ?, updated_at = now()
      where org_id = ? and id = ? and state in ('active', 'pending', 'suspended')`,
    [code, at.org, at.connection],
  )
  return maySend(before?.state)
}

/**
 * Let a held connection send again: its state is `active`, and everything it held goes out in order.
 * Call it after the credentials changed (outside a transaction); doing so once too often costs a look at the rows.
 */
export async function wakeConnection(
  on: Resources,
  org: string,
  connection: string,
): Promise<void> {
  const woken = await on.db.withTenant(org, async (tx) => {
    const changed = await rows(
      tx,
      `update connections set state = 'active', state_reason = null, updated_at = now()
        where org_id = ? and id = ? and state = 'suspended' and access_token is not null returning id`,
      [org, connection],
    )
    await tx.raw(
      `update outbox set due_at = now(), error_class = null where org_id = ? and connection_id = ?
          and state in ('pending', 'retry') and error_class = 'connection'`,
      [org, connection],
    )
    return changed.length > 0
  })
  if (woken) on.events.publish({ kind: 'connections' })
  await on.queues.ring({ org, connection })
}
