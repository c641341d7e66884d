import { auditEach, OPERATOR } from '../audit/audit.ts'
import { rows, type Tx } from '../db.ts'
import { undoSteps } from '../deletions/again.ts'
import { appendLedger } from '../deletions/ledger.ts'
import { writeLedgerFile } from '../deletions/ledger-file.ts'
import { newId } from '../ids.ts'
import { DAY_MS } from '../privacy/limits.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import type { Scope } from './scope.ts'

/** What an order has kept of one contact, since when, and until when at the latest. */
export type Hold = {
  id: string
  org_id: string
  disclosure_id: string | null
  contact_id: string
  from_at: Date | null
  until_at: Date | null
  placed_at: Date
  ends_at: Date
  released_at: Date | null
}

const COLUMNS =
  'id, org_id, disclosure_id, contact_id, from_at, until_at, placed_at, ends_at, released_at'
/** An order that goes on longer is looked at anew. */
const MOST_DAYS = 366

export type Placing = {
  disclosure: string
  org: string
  scope: Scope
  gag: Date | null
  ends: Date
  by: string
}

/**
 * Place a hold, in the transaction of the decision that two people stand for: of one contact, and of what was said only
 * the time asked about. It reaches what is there now; what a purge has removed already it does not bring back.
 * Throws Refusal 409 `nothing_held` when the contact is gone, 422 for an end that has passed or lies too far away.
 */
export async function placeHold(on: Resources, tx: Tx, placing: Placing): Promise<void> {
  const { disclosure, org, scope, gag, ends, by } = placing
  const now = on.now()
  if (ends <= now || ends.getTime() > now.getTime() + MOST_DAYS * DAY_MS) {
    const detail = `Choose a day in the next ${MOST_DAYS} days: an order that goes on is placed anew.`
    throw new Refusal(422, 'invalid', detail, { hold_until: detail })
  }
  const id = newId()
  await rows(
    tx,
    `insert into legal_holds (org_id, id, disclosure_id, contact_id, from_at, until_at, placed_at, ends_at, placed_by)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [org, id, disclosure, scope.contact, scope.from, scope.until, now, ends, by],
  )
  await noteHold(on, tx, id)
  await tell(tx, { org, gag, id: disclosure, now }, 'hold.placed')
}

/** Whether anything of this contact is there to be kept. */
export const isThere = (on: Resources, org: string, contact: string): Promise<boolean> =>
  on.db.withTenant(org, async (tx) => {
    const found = await rows(tx, 'select 1 from contacts where org_id = ? and id = ?', [
      org,
      contact,
    ])
    return found.length > 0
  })

export const holdsOf = (on: Resources, disclosure: string): Promise<Hold[]> =>
  on.db.withSystem((tx) =>
    rows<Hold>(
      tx,
      `select ${COLUMNS} from legal_holds where disclosure_id = ? order by placed_at, id`,
      [disclosure],
    ),
  )

/**
 * End the hold of an order; a deletion that rests because of it goes on with the next look, a few seconds later, whether or
 * not its deadline has passed. Throws Refusal 409 `no_hold` when none is in force.
 */
export async function releaseHold(on: Resources, disclosure: string, by: string): Promise<void> {
  const now = on.now()
  const ended = await on.db.withSystem(async (tx) => {
    const held = await rows<{ id: string }>(
      tx,
      `select id from legal_holds where disclosure_id = ? and released_at is null order by id for update`,
      [disclosure],
    )
    for (const { id } of held) await release(on, tx, { id, now, by })
    return held.length
  })
  if (ended === 0) throw new Refusal(409, 'no_hold', 'Nothing is held under this order any more.')
  await writeLedgerFile(on)
}

/** Holds whose end has come are released; answers how many. */
export async function releaseEnded(on: Resources, now: Date): Promise<number> {
  return on.db.withSystem(async (tx) => {
    const ended = await rows<{ id: string }>(
      tx,
      `select id from legal_holds where released_at is null and ends_at <= ? order by id for update skip locked`,
      [now],
    )
    for (const { id } of ended) await release(on, tx, { id, now, by: null })
    return ended.length
  })
}

async function release(
  on: Resources,
  tx: Tx,
  { id, now, by }: { id: string; now: Date; by: string | null },
): Promise<void> {
  const [hold] = await rows<{ org: string; contact: string; about: string; gag: Date | null }>(
    tx,
    `update legal_holds h set released_at = ?, released_by = ? where h.id = ? and h.released_at is null
     returning h.org_id as org, h.contact_id as contact, h.disclosure_id as about,
               (select d.gag_until from disclosures d where d.id = h.disclosure_id) as gag`,
    [now, by, id],
  )
  if (!hold) return
  await noteHold(on, tx, id)
  // Whoever purges just now begins again: what was kept a moment ago may go.
  await undoSteps(tx, [hold.org, hold.contact])
  await tell(tx, { org: hold.org, gag: hold.gag, id: hold.about, now }, 'hold.released')
}

/** A restored backup has to know what must not be purged again. */
async function noteHold(on: Resources, tx: Tx, id: string): Promise<void> {
  const [hold] = await rows<Hold>(tx, `select ${COLUMNS} from legal_holds where id = ?`, [id])
  if (hold) await appendLedger(on, tx, { what: 'hold', ...hold })
}

type About = { org: string; gag: Date | null; id: string | null; now: Date }

/** The organization reads it in its own log, unless that is forbidden: then it is told with the order, when it may be. */
async function tell(
  tx: Tx,
  { org, gag, id, now }: About,
  action: 'hold.placed' | 'hold.released',
): Promise<void> {
  if (gag && gag > now) return
  const target = id === null ? {} : { target: { kind: 'disclosure', id } }
  await auditEach(tx, [org], () => ({ actor: OPERATOR, action, ...target }))
}
