import { audit, type AuditActor } from '../audit/audit.ts'
import { rows, type Tx } from '../db.ts'
import { appendFeed, type Change } from '../feed/feed.ts'
import { newId } from '../ids.ts'
import { withdrawExports } from '../privacy/export-shelf.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { stopQueued } from '../sending/stop.ts'
import { noteConsent, type Purpose } from './consents.ts'
import type { Kind } from './gate.ts'

/**
 * Why: the person contests that the data are right, calls the processing unlawful and wants no erasure, needs the data
 * for a claim (retention then leaves them alone), objected and waits for the answer, or just wishes it.
 * Source: GDPR Art. 18(1) and 21.
 */
export type Ground = 'accuracy' | 'unlawful' | 'claim' | 'objection' | 'wish'
export type Road = 'agent' | 'chat' | 'form' | 'api' | 'operator'
export type NoticeRoad = 'whatsapp' | 'email' | 'phone' | 'letter' | 'in_person'

export type Restriction = {
  id: string
  contact_id: string
  kind: Kind
  ground: Ground
  road: Road
  set_by: string | null
  set_by_name: string | null
  request_id: string | null
  since: Date
  lifted_at: Date | null
  lifted_by: string | null
  /** When the person was last told of its end, before it came. */
  told_at: Date | null
  told_road: NoticeRoad | null
}

export type Wish = {
  contact: string
  kind: Kind
  ground: Ground
  road: Road
  by: AuditActor
  /** The rights request it answers. */
  request?: string
}

/**
 * Restrict a contact, or write down what they object to, from the commit on: what waits to be sent and is forbidden by it
 * fails at once, and nothing more is posted. Asked again while one is in force, that one is answered.
 * Throws Refusal 404 for an unknown contact. Source: privacy promise P50; GDPR Art. 18 and 21.
 */
export async function restrictContact(
  on: Resources,
  org: string,
  wish: Wish,
): Promise<Restriction> {
  const kept = await on.db.withTenant(org, async (tx) => {
    const { restriction, changes } = await restrictIn(on, tx, org, wish)
    if (changes.length > 0) await appendFeed(tx, org, changes)
    return restriction
  })
  on.events.publish({ kind: 'feed', org })
  // What lies ready for somebody to fetch was made without it.
  if (wish.kind === 'restricted') await withdrawExports(on, { org, contact: wish.contact })
  return kept
}

/** As `restrictContact`, within a transaction of the caller's, who tells the feed of the changes as its last statement. */
export async function restrictIn(
  on: Resources,
  tx: Tx,
  org: string,
  wish: Wish,
): Promise<{ restriction: Restriction; changes: Change[] }> {
  await lockContact(tx, org, wish.contact)
  const known = (await listRestrictions(tx, org, wish.contact)).find(
    ({ kind, lifted_at }) => kind === wish.kind && lifted_at === null,
  )
  return known ? { restriction: known, changes: [] } : begin(on, tx, org, wish)
}

/** As `restrictContact`, for an objection to one use of the data. */
export const recordObjection = (
  on: Resources,
  org: string,
  wish: Omit<Wish, 'kind' | 'ground'> & { kind: Exclude<Kind, 'restricted'> },
): Promise<Restriction> => restrictContact(on, org, { ...wish, ground: 'objection' })

async function begin(
  on: Resources,
  tx: Tx,
  org: string,
  wish: Wish,
): Promise<{ restriction: Restriction; changes: Change[] }> {
  const { contact, kind, ground, road, by, request = null } = wish
  const [id, now, actor] = [newId(), on.now(), personOf(by)]
  await rows(
    tx,
    `insert into restrictions (org_id, id, contact_id, kind, ground, road, set_by, request_id, since)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [org, id, contact, kind, ground, road, actor, request, now],
  )
  const purpose = PURPOSES[kind]
  if (purpose)
    await noteConsent(tx, org, { contact, purpose, state: 'withdrawn', road, actor, at: now })
  const stopped = await stopQueued(tx, org, { contact, kind, at: now })
  const target = { kind: 'contact', id: contact }
  await audit(tx, org, {
    actor: by,
    action: 'contact.restricted',
    target,
    detail: { kind, ground },
  })
  const changes = [
    ...stopped.map((ref) => ({ kind: 'message.updated' as const, ref })),
    ...(await changesOf(tx, org, contact)),
  ]
  return { restriction: await needRestriction(tx, org, id), changes }
}

/** What an objection takes back. */
export const PURPOSES: Readonly<Record<Kind, Purpose | undefined>> = {
  restricted: undefined,
  no_marketing: 'marketing',
  no_personalisation: 'personalisation',
  no_usage: 'usage',
  no_automation: 'automation',
}

/**
 * Write down that the person was told that the restriction will end, and how: without it nothing is lifted.
 * Throws Refusal 404 when nothing of this id is in force. Source: GDPR Art. 18(3).
 */
export async function recordNotice(
  on: Resources,
  org: string,
  { restriction, road, by }: { restriction: string; road: NoticeRoad; by: AuditActor },
): Promise<void> {
  await on.db.withTenant(org, async (tx) => {
    const { contact_id } = await lockRestriction(tx, org, restriction)
    await rows(
      tx,
      `insert into restriction_notices (org_id, id, restriction_id, road, told_by, told_at) values (?, ?, ?, ?, ?, ?)`,
      [org, newId(), restriction, road, personOf(by), on.now()],
    )
    await audit(tx, org, {
      actor: by,
      action: 'contact.restriction_told',
      target: { kind: 'contact', id: contact_id },
      detail: { road },
    })
  })
}

/** Whoever acts, where that is somebody with an account. */
export const personOf = (by: AuditActor): string | null =>
  by.kind === 'user' ? (by.id ?? null) : null

/** Open pages show the contact and their conversations anew; programs hear of it by the feed (GDPR Art. 19). */
export async function changesOf(tx: Tx, org: string, contact: string): Promise<Change[]> {
  const talks = await rows<{ id: string }>(
    tx,
    'select id from conversations where org_id = ? and contact_id = ? order by id',
    [org, contact],
  )
  return [
    ...talks.map(({ id: ref }) => ({ kind: 'conversation.updated' as const, ref })),
    { kind: 'contact.updated', ref: contact },
  ]
}

async function lockContact(tx: Tx, org: string, contact: string): Promise<void> {
  const found = await rows(
    tx,
    'select id from contacts where org_id = ? and id = ? for no key update',
    [org, contact],
  )
  if (found.length === 0) throw notFound('contact')
}

/** Held until the commit: what the person writes meanwhile waits, and then finds it as it is. */
export async function lockRestriction(tx: Tx, org: string, id: string): Promise<Restriction> {
  const held = await rows(
    tx,
    'select id from restrictions where org_id = ? and id = ? and lifted_at is null for update',
    [org, id],
  )
  if (held.length === 0) throw notFound('restriction')
  return needRestriction(tx, org, id)
}

const SELECT = `
  select r.id, r.contact_id, r.kind, r.ground, r.road, r.set_by, s.name as set_by_name, r.request_id, r.since,
         r.lifted_at, r.lifted_by, n.told_at, n.road as told_road
    from restrictions r left join users s on s.id = r.set_by left join lateral (
      select told_at, road from restriction_notices where org_id = r.org_id and restriction_id = r.id
       order by told_at desc, id desc limit 1) n on true`

async function needRestriction(tx: Tx, org: string, id: string): Promise<Restriction> {
  const [found] = await rows<Restriction>(tx, `${SELECT} where r.org_id = ? and r.id = ?`, [
    org,
    id,
  ])
  if (!found) throw notFound('restriction')
  return found
}

/** All of a contact's, in force and ended, the newest first. */
export const listRestrictions = (tx: Tx, org: string, contact: string): Promise<Restriction[]> =>
  rows<Restriction>(
    tx,
    `${SELECT} where r.org_id = ? and r.contact_id = ? order by r.since desc, r.id desc`,
    [org, contact],
  )
