import { audit, type AuditActor } from '../audit/audit.ts'
import { openFactor, sealFactor } from '../accounts/factor-seal.ts'
import { rows } from '../db.ts'
import type { Resources } from '../resources.ts'
import { resealText } from '../rights/texts.ts'
import { keyIdOf, seal, SealError, type SealingKey } from '../vault.ts'
import { openDeadLetter, placeOf, type DeadLetter } from './dead-letters.ts'
import { openPart, sealPart } from './mail-seal.ts'
import { openCell, sealCell } from './seal.ts'

export type MasterRotation = {
  /** The id of the key that seals everything now. */
  master_key: string
  organizations: number
  rewrapped: number
  resealed: Counts
  /** What another master key still seals; the old ones may be dropped when all of it is 0. */
  left: Counts & { data_keys: number }
}

type Counts = {
  mail: number
  dead_letters: number
  second_factors: number
  requests: number
  support: number
}

const TELL_EVERY = 100
const BATCH = 200

/**
 * Put everything that a master key seals under the first one of the list: data keys, mail, letters of nobody. Data keys
 * stay as they are, so nothing else changes. One organization per transaction and no state of its own: after a kill the
 * next run goes on, two at once do no harm, and a run with nothing to do changes nothing.
 * What an organization that is being purged still has is left to the purge.
 */
export async function rotateMasterKey(on: Resources, by: AuditActor): Promise<MasterRotation> {
  const [first] = on.vault.instance
  if (!first) throw new SealError()
  const orgs = await organizationsOf(on)
  let rewrapped = 0
  let left = 0
  for (const [n, org] of orgs.entries()) {
    const done = await rewrapKeys(on, org, { first, by })
    rewrapped += done.rewrapped
    left += done.left
    if ((n + 1) % TELL_EVERY === 0)
      on.log.info({ organizations: n + 1, of: orgs.length }, 'data keys rewrapped')
  }
  const mail = await resealAll(on, MAIL, first)
  const letters = await resealAll(on, LETTERS, first)
  const factors = await resealAll(on, FACTORS, first)
  const requests = await resealAll(on, REQUESTS, first)
  const support = { resealed: 0, left: 0 }
  for (const store of SUPPORT) {
    const done = await resealAll(on, store, first)
    support.resealed += done.resealed
    support.left += done.left
  }
  return {
    master_key: first.id,
    organizations: orgs.length,
    rewrapped,
    resealed: {
      mail: mail.resealed,
      dead_letters: letters.resealed,
      second_factors: factors.resealed,
      requests: requests.resealed,
      support: support.resealed,
    },
    left: {
      data_keys: left,
      mail: mail.left,
      dead_letters: letters.left,
      second_factors: factors.left,
      requests: requests.left,
      support: support.left,
    },
  }
}

async function organizationsOf(on: Resources): Promise<string[]> {
  const found = await on.db.withSystem((tx) =>
    rows<{ org_id: string }>(
      tx,
      `select org_id from organizations where status <> 'purging' order by org_id`,
    ),
  )
  return found.map(({ org_id }) => org_id)
}

function rewrapKeys(
  on: Resources,
  org: string,
  { first, by }: { first: SealingKey; by: AuditActor },
): Promise<{ rewrapped: number; left: number }> {
  return on.db.withTenant(org, async (tx) => {
    const old = await rows<{ kid: string; wrapped: string }>(
      tx,
      `select kid, wrapped from org_keys where org_id = ? and wrapped_by <> ? order by kid for update`,
      [org, first.id],
    )
    let rewrapped = 0
    for (const { kid, wrapped } of old) {
      const anew = await openable(() => on.vault.rewrap(org, kid, wrapped))
      if (!anew) continue
      await rows(
        tx,
        `update org_keys set wrapped = ?, wrapped_by = ? where org_id = ? and kid = ?`,
        [anew.wrapped, anew.wrappedBy, org, kid],
      )
      rewrapped += 1
    }
    const detail = { key: 'master' as const, resealed: rewrapped }
    if (rewrapped > 0) await audit(tx, org, { actor: by, action: 'keys.rotated', detail })
    return { rewrapped, left: old.length - rewrapped }
  })
}

type Sealed = { id: string; body: string }
/** A table whose rows the instance seals: how a part of it is read and one row is sealed anew. */
type Store<Row extends Sealed> = {
  read: string
  /** Replaces what was read, and nothing that changed meanwhile. */
  write: string
  values(on: Resources, row: Row, first: SealingKey): string[] | Promise<string[]>
}

const MAIL: Store<Sealed & { recipient: string }> = {
  read: `select id, recipient, body from mail_outbox where id > ? order by id limit ${BATCH}`,
  write: `update mail_outbox set recipient = ?, body = ? where id = ? and body = ?`,
  values: (on, { id, recipient, body }) => [
    sealPart(on, 'recipient', id, openPart(on, 'recipient', id, recipient)),
    sealPart(on, 'body', id, openPart(on, 'body', id, body)),
  ],
}

const LETTERS: Store<DeadLetter & { body: string }> = {
  read: `select id, org_id, connection_id, first_seen_at, body from dead_letters
          where org_id is null and id > ? order by id limit ${BATCH}`,
  write: `update dead_letters set body = ? where id = ? and body = ?`,
  async values(on, letter, first) {
    const place = placeOf(letter.connection_id, letter.first_seen_at.getTime())
    return [seal(first, place, await openDeadLetter(on, letter, letter.body))]
  },
}

const FACTORS: Store<Sealed> = {
  read: `select id, secret as body from second_factors where id > ? order by id limit ${BATCH}`,
  write: `update second_factors set secret = ? where id = ? and secret = ?`,
  values: (on, { id, body }) => [sealFactor(on, id, openFactor(on, id, body))],
}

const REQUESTS: Store<Sealed> = {
  read: `select id, body from privacy_request_texts where org_id is null and id > ? order by id limit ${BATCH}`,
  write: `update privacy_request_texts set body = ? where org_id is null and id = ? and body = ?`,
  values: (on, { id, body }) => [resealText(on, id, body)],
}

/** One column of a table, sealed as `sealCell` does. */
const cells = (table: string, column: string, batch = BATCH): Store<Sealed> => ({
  read: `select id, ${column} as body from ${table} where ${column} is not null and id > ? order by id limit ${batch}`,
  write: `update ${table} set ${column} = ? where id = ? and ${column} = ?`,
  values: (on, { id: row, body }) => {
    const cell = { table, column, row }
    return [sealCell(on, cell, openCell(on, cell, body))]
  },
})

/** Files are large: only a few are held at a time. */
const SUPPORT: readonly Store<Sealed>[] = [
  cells('address_undos', 'address'),
  cells('support_tickets', 'address'),
  cells('support_tickets', 'subject'),
  cells('support_messages', 'body'),
  cells('support_files', 'name'),
  cells('support_files', 'bytes', 4),
]

async function resealAll<Row extends Sealed>(
  on: Resources,
  { read, write, values }: Store<Row>,
  first: SealingKey,
): Promise<{ resealed: number; left: number }> {
  const done = { resealed: 0, left: 0 }
  let after = '00000000-0000-0000-0000-000000000000'
  for (;;) {
    const found = await on.db.withSystem((tx) => rows<Row>(tx, read, [after]))
    for (const row of found.filter(({ body }) => keyIdOf(body) !== first.id)) {
      const anew = await openable(() => values(on, row, first))
      if (!anew) done.left += 1
      else {
        await on.db.withSystem((tx) => rows(tx, write, [...anew, row.id, row.body]))
        done.resealed += 1
      }
    }
    const last = found.at(-1)
    if (!last) return done
    after = last.id
  }
}

/** A value that no master key of the list opens stays as it is, and is counted. */
async function openable<T>(run: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof SealError) return undefined
    throw error
  }
}
