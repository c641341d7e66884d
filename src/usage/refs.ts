import { randomUUID } from 'node:crypto'
import { USAGE_ALLOWED } from '../choices/allowed.ts'
import { rows, type Tx } from '../db.ts'
import type { Resources } from '../resources.ts'
import { noteConsent } from '../restrictions/consents.ts'
import type { Seen } from './events.ts'

type Person = { org: string; user: string }

/**
 * The random number that stands for each person who does not object, made when there is none yet. Only this table
 * leads from an event to a person.
 */
export async function refsFor(
  on: Resources,
  org: string,
  seen: Seen[],
): Promise<Map<string, string>> {
  const first = new Map<string, number>()
  for (const { user, at } of seen) first.set(user, Math.min(at, first.get(user) ?? at))
  const wanted = [...first].map(([user, at]) => ({
    user,
    ref: randomUUID(),
    since: new Date(at),
  }))
  const found = await on.db.withTenant(org, async (tx) => {
    await tx.raw(
      `insert into usage_refs (org_id, user_id, ref, since)
       select m.org_id, m.user_id, w.ref, w.since
         from jsonb_to_recordset(:wanted::jsonb) as w ("user" uuid, ref uuid, since timestamptz)
         join memberships m on m.org_id = :org and m.user_id = w."user"
         join organizations o on o.org_id = m.org_id
        where ${USAGE_ALLOWED}
       on conflict do nothing`,
      { org, wanted: JSON.stringify(wanted) },
    )
    return rows<{ user: string; ref: string }>(
      tx,
      `select r.user_id as "user", r.ref from usage_refs r
         join memberships m on m.org_id = r.org_id and m.user_id = r.user_id
         join organizations o on o.org_id = m.org_id
        where ${USAGE_ALLOWED} and r.org_id = ? and r.user_id = any(?)`,
      [org, [...first.keys()]],
    )
  })
  return new Map(found.map(({ user, ref }) => [user, ref]))
}

/**
 * The person wants no usage data about them in this organization: what is under way leads nowhere from here on, and with
 * `forget` what is there goes in the same step.
 */
export async function objectToUsage(
  on: Resources,
  { org, user }: Person,
  { forget = false } = {},
): Promise<void> {
  const at = on.now()
  await on.db.withTenant(org, async (tx) => {
    const changed = await rows(
      tx,
      `update memberships set usage_objected_at = ? where org_id = ? and user_id = ? and usage_objected_at is null returning 1`,
      [at, org, user],
    )
    if (changed.length > 0) await note(tx, org, { user, state: 'withdrawn', at })
    if (!forget) return
    const cut = await rows<{ ref: string }>(
      tx,
      `delete from usage_refs where org_id = ? and user_id = ? returning ref`,
      [org, user],
    )
    await tx.raw(`delete from usage_events where org_id = ? and ref = any(?)`, [
      org,
      cut.map(({ ref }) => ref),
    ])
  })
}

/** The person takes an objection back, from this moment: what was queued before is not stored after it. */
export async function allowUsage(on: Resources, { org, user }: Person): Promise<void> {
  const at = on.now()
  await on.db.withTenant(org, async (tx) => {
    const changed = await rows(
      tx,
      `update memberships set usage_objected_at = null
        where org_id = ? and user_id = ? and usage_objected_at is not null returning 1`,
      [org, user],
    )
    if (changed.length === 0) return
    await tx.raw(
      `insert into usage_refs as r (org_id, user_id, ref, since) values (?, ?, ?, ?)
       on conflict (org_id, user_id) do update set since = excluded.since`,
      [org, user, randomUUID(), at],
    )
    await note(tx, org, { user, state: 'given', at })
  })
}

const note = (
  tx: Tx,
  org: string,
  said: { user: string; state: 'given' | 'withdrawn'; at: Date },
): Promise<void> =>
  noteConsent(tx, org, { ...said, purpose: 'usage', road: 'settings', actor: said.user })

/** Nothing leads from the events of an organization to anybody any more. */
export const cutRefs = (tx: Tx, org: string): Promise<unknown> =>
  rows(tx, 'delete from usage_refs where org_id = ?', [org])

/** Everybody in an organization begins anew at this moment: what was seen before it is not stored after it. */
export const beginRefs = (tx: Tx, org: string, now: Date): Promise<unknown> =>
  rows(
    tx,
    `insert into usage_refs (org_id, user_id, ref, since) select org_id, user_id, gen_random_uuid(), ? from memberships where org_id = ?
     on conflict (org_id, user_id) do update set since = excluded.since`,
    [now, org],
  )
