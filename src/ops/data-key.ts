import { audit, type AuditActor } from '../audit/audit.ts'
import { announce } from '../connections/connections.ts'
import { rows, type Tx } from '../db.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { keyIdOf, open, seal, type SealingKey } from '../vault.ts'
import { openDeadLetter, placeOf, type DeadLetter } from './dead-letters.ts'

export type DataRotation = {
  data_key: string
  /** Keys that seal nothing new and still open what waits in queues and what was stored before. */
  retired: string[]
  resealed: { connections: number; dead_letters: number }
}

type Change = { org: string; key: SealingKey; keys: SealingKey[]; by: AuditActor }
const COLUMNS = ['access_token', 'app_secret', 'verify_token'] as const
type Connection = { id: string } & Record<(typeof COLUMNS)[number], string | null>

/**
 * Give an organization another data key. The key and the secrets of its connections change in one transaction, because
 * the directory reads them together; letters follow one by one. The old key stays, retired, and opens the rest.
 * Throws Refusal 404; SealError when a secret opens with none of the organization's keys, and then nothing is changed.
 */
export async function rotateDataKey(
  on: Resources,
  org: string,
  by: AuditActor,
): Promise<DataRotation> {
  const { key, wrapped, wrappedBy } = on.vault.newDataKey(org)
  const changed = await on.db.withTenant(org, async (tx) => {
    // Who seals a secret holds these rows until the commit: nothing is sealed under the old key after this.
    await rows(tx, `select kid from org_keys where org_id = ? order by kid for update`, [org])
    on.keys.forget(org)
    const keys = await on.keys.of(tx, org)
    const old = await rows(
      tx,
      `update org_keys set state = 'retired' where org_id = ? and state = 'active' returning kid`,
      [org],
    )
    if (old.length === 0) throw notFound('organization')
    await rows(tx, `insert into org_keys (org_id, kid, wrapped, wrapped_by) values (?, ?, ?, ?)`, [
      org,
      key.id,
      wrapped,
      wrappedBy,
    ])
    const connections = await resealSecrets(tx, { org, key, keys, by })
    return { retired: await retiredOf(tx, org), connections }
  })
  on.keys.forget(org)
  await announce(on)
  const dead_letters = await resealLetters(on, org, key)
  const { retired, connections } = changed
  return { data_key: key.id, retired, resealed: { connections, dead_letters } }
}

async function retiredOf(tx: Tx, org: string): Promise<string[]> {
  const found = await rows<{ kid: string }>(
    tx,
    `select kid from org_keys where org_id = ? and state = 'retired' order by created_at, kid`,
    [org],
  )
  return found.map(({ kid }) => kid)
}

async function resealSecrets(tx: Tx, { org, key, keys, by }: Change): Promise<number> {
  const found = await rows<Connection>(
    tx,
    `select id, ${COLUMNS.join(', ')} from connections where org_id = ? order by id for update`,
    [org],
  )
  for (const { id, ...sealed } of found) {
    const anew: Record<string, string> = {}
    for (const column of COLUMNS) {
      const envelope = sealed[column]
      if (envelope === null) continue
      const place = { purpose: `connections|${column}`, org, row: id }
      anew[column] = seal(key, place, open(keys, place, envelope))
    }
    if (Object.keys(anew).length > 0)
      await tx('connections').where({ org_id: org, id }).update(anew)
  }
  const detail = { key: 'data' as const, resealed: found.length }
  await audit(tx, org, { actor: by, action: 'keys.rotated', detail })
  return found.length
}

/** Each replaced only if it is still what was read: a letter that came again meanwhile stays as it is. */
async function resealLetters(on: Resources, org: string, key: SealingKey): Promise<number> {
  const found = await on.db.withSystem((tx) =>
    rows<{ id: string }>(tx, `select id from dead_letters where org_id = ?`, [org]),
  )
  let resealed = 0
  for (const { id } of found) {
    const [letter] = await on.db.withSystem((tx) =>
      rows<DeadLetter & { body: string }>(
        tx,
        `select id, org_id, connection_id, first_seen_at, body from dead_letters where id = ?`,
        [id],
      ),
    )
    if (!letter || keyIdOf(letter.body) === key.id) continue
    const place = placeOf(letter.connection_id, letter.first_seen_at.getTime())
    const body = seal(key, place, await openDeadLetter(on, letter, letter.body))
    await on.db.withSystem((tx) =>
      rows(tx, `update dead_letters set body = ? where id = ? and body = ?`, [
        body,
        id,
        letter.body,
      ]),
    )
    resealed += 1
  }
  return resealed
}
