import { rows, type Tx } from '../db.ts'
import type { Times } from '../inbox/times.ts'
import { countWithheld } from '../messages/withheld.ts'
import { kindsOf } from './gate.ts'
import { listRestrictions, type Restriction } from './restrictions.ts'
import { GROUND_WORDS, KIND_WORDS, ROAD_WORDS } from './words.ts'

/** One restriction or objection as the contact's page shows it. */
export type Shown = {
  id: string
  kind: Restriction['kind']
  name: string
  ground: string
  since: string
  by: string
  told: string
  ended: string
}
/** What the privacy role sees of a contact's wishes. */
export type Wishes = {
  active: Shown[]
  ended: Shown[]
  restricted: Shown | undefined
  /** They stopped marketing at WhatsApp itself. */
  stoppedThere: boolean
  /** Messages that came meanwhile and wait sealed. */
  withheld: number
  words: { kinds: [string, string][]; grounds: [string, string][]; roads: [string, string][] }
}

/** What a contact asked for, in force and ended, for admins. */
export async function readWishes(
  tx: Tx,
  org: string,
  contact: string,
  times: Times,
): Promise<Wishes> {
  const found = (await listRestrictions(tx, org, contact)).map((one) => shown(one, times))
  const active = found.filter(({ ended }) => ended === '')
  return {
    active,
    ended: found.filter(({ ended }) => ended !== ''),
    stoppedThere:
      !active.some(({ kind }) => kind === 'no_marketing') &&
      (await kindsOf(tx, org, contact)).includes('no_marketing'),
    restricted: active.find(({ kind }) => kind === 'restricted'),
    withheld: await countWithheld(tx, org, contact),
    words: {
      kinds: Object.entries(KIND_WORDS).filter(([kind]) => kind !== 'restricted'),
      grounds: Object.entries(GROUND_WORDS),
      roads: Object.entries(ROAD_WORDS),
    },
  }
}

const shown = (one: Restriction, times: Times): Shown => ({
  id: one.id,
  kind: one.kind,
  name: KIND_WORDS[one.kind],
  ground: GROUND_WORDS[one.ground],
  since: times.full(one.since),
  by: one.set_by_name ?? '',
  told:
    one.told_at && one.told_road ? `${times.full(one.told_at)}, ${ROAD_WORDS[one.told_road]}` : '',
  ended: one.lifted_at ? times.full(one.lifted_at) : '',
})

export type Listed = {
  id: string
  name: string | null
  ground: string
  since: string
  withheld: number
}

/** Everybody whose data are restricted, the latest first: search does not find them, so this list does. */
export async function listRestricted(tx: Tx, org: string, times: Times): Promise<Listed[]> {
  const found = await rows<{
    id: string
    name: string | null
    ground: Restriction['ground']
    since: Date
    withheld: number
  }>(
    tx,
    `select k.id, coalesce(k.name, i.value) as name, r.ground, r.since,
            (select count(*)::int from withheld_messages w where w.org_id = r.org_id and w.contact_id = k.id) as withheld
       from restrictions r join contacts k on k.org_id = r.org_id and k.id = r.contact_id
       left join lateral (select value from contact_identities where org_id = k.org_id and contact_id = k.id
                           order by kind, value limit 1) i on true
      where r.org_id = ? and r.kind = 'restricted' and r.lifted_at is null order by r.since desc, r.id desc limit 500`,
    [org],
  )
  return found.map(({ id, name, ground, since, withheld }) => ({
    id,
    name,
    ground: GROUND_WORDS[ground],
    since: times.date(since),
    withheld,
  }))
}
