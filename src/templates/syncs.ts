import { rows, type Tx } from '../db.ts'

/** How far the reading of a business account's templates is. */
export type Sync = {
  waba_id: string
  /** A number of this account, for people. */
  name: string
  asked_at: Date | null
  began_at: Date | null
  isRunning: boolean
  /** Templates read so far, or in all by the last run that ended. */
  found: number
  ended_at: Date | null
  outcome: 'ok' | 'refused' | 'unreachable' | null
  code: string | null
  said: string | null
  /** When the list was last read whole. */
  ok_at: Date | null
}

/** An account's list, being read under a fence: who lost it writes nothing more. */
export type Run = { org: string; waba: string; fence: number; began: Date }

/** Ask for an account's list to be read again; whoever asks rings or leaves it to the next look, within seconds. */
export async function askSync(tx: Tx, org: string, waba: string): Promise<void> {
  await rows(
    tx,
    `insert into template_syncs (org_id, waba_id, asked_at) values (?, ?, now())
     on conflict (org_id, waba_id) do update set asked_at = now()`,
    [org, waba],
  )
}

/** As `askSync`, for the account of a connection. */
export async function askSyncFor(tx: Tx, org: string, connection: string): Promise<void> {
  const [found] = await rows<{ waba_id: string }>(
    tx,
    `select waba_id from connections where org_id = ? and id = ?`,
    [org, connection],
  )
  if (found) await askSync(tx, org, found.waba_id)
}

/** The accounts of the organization's numbers, each with how its reading stands. */
export const listSyncs = (tx: Tx, org: string): Promise<Sync[]> =>
  rows<Sync>(
    tx,
    `select c.waba_id, c.name, s.asked_at, s.began_at, coalesce(s.lease_until > now(), false) as "isRunning",
            coalesce(s.found, 0) as found, s.ended_at, s.outcome, s.code, s.said, s.ok_at
       from (select waba_id, min(coalesce(nullif(name, ''), display_phone, phone_number_id)) as name from connections
              where org_id = :org and state <> 'removed' group by waba_id) c
       left join template_syncs s on s.org_id = :org and s.waba_id = c.waba_id
      order by c.name, c.waba_id`,
    { org },
  )

/** Undefined when nobody wants the list, somebody reads it now, or the organization is going to be deleted. */
export async function claimSync(
  tx: Tx,
  { org, waba }: { org: string; waba: string },
): Promise<Run | undefined> {
  const [claimed] = await rows<{ fence: number; began_at: Date }>(
    tx,
    `update template_syncs set lease_until = now() + interval '2 minutes', began_at = now(), found = 0, fence = fence + 1
      where org_id = :org and waba_id = :waba and asked_at is not null and (lease_until is null or lease_until < now())
        and exists (select from organizations where org_id = :org and status = 'active')
      returning fence, began_at`,
    { org, waba },
  )
  return claimed && { org, waba, fence: claimed.fence, began: claimed.began_at }
}

/** Note how many were read; false when the lease is lost. The row is held until the transaction ends. */
export async function goOn(tx: Tx, { org, waba, fence }: Run, more: number): Promise<boolean> {
  const held = await rows(
    tx,
    `update template_syncs set found = found + ?, lease_until = now() + interval '2 minutes'
      where org_id = ? and waba_id = ? and fence = ? returning fence`,
    [more, org, waba, fence],
  )
  return held.length === 1
}

export type Ending = {
  outcome: NonNullable<Sync['outcome']>
  code: string | null
  said: string | null
  /** Whether all there is was read, so that what was not among it is gone. */
  isWhole: boolean
}

/** Write down how a run ended; true when somebody asked for the list meanwhile. */
export async function endSync(tx: Tx, run: Run, ending: Ending): Promise<boolean> {
  const { org, waba, fence } = run
  const [ended] = await rows<{ again: boolean }>(
    tx,
    `update template_syncs
        set lease_until = null, ended_at = now(), outcome = :outcome, code = :code, said = :said,
            ok_at = case when :outcome = 'ok' then began_at else ok_at end,
            asked_at = case when asked_at > began_at then asked_at end
      where org_id = :org and waba_id = :waba and fence = :fence returning asked_at is not null as again`,
    { org, waba, fence, outcome: ending.outcome, code: ending.code, said: ending.said },
  )
  if (ended && ending.isWhole) await markGone(tx, run)
  return ended?.again ?? false
}

/** One that was made or reported while the list was read may be missing in it and be there all the same. */
async function markGone(tx: Tx, { org, waba, began }: Run): Promise<void> {
  await rows(
    tx,
    `update templates set gone_at = now()
      where org_id = :org and waba_id = :waba and gone_at is null and coalesce(synced_at < :began, true)
        and greatest(created_at, status_at) < :began::timestamptz - interval '1 minute'`,
    { org, waba, began },
  )
}

export type DueSync = { org_id: string; waba_id: string; asked: boolean }

/** Accounts of all organizations whose list is to be read now. `tx` is a system one. */
export const dueSyncs = (tx: Tx): Promise<DueSync[]> =>
  rows<DueSync>(tx, 'select * from due_syncs(?)', [200])
