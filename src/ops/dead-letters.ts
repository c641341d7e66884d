import { createHmac } from 'node:crypto'
import { auditEach, SYSTEM, type AuditActor } from '../audit/audit.ts'
import { rows, type Tx } from '../db.ts'
import { LIMITS } from '../privacy/limits.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { keyIdOf, open, seal, type SealingKey } from '../vault.ts'
import { placeOf } from '../webhooks/sealing.ts'
import { FILTER, filterValues, type LetterFilter, type Reason } from './letter-filter.ts'
import { shapeOf } from './shape.ts'

/** A webhook body that could not be stored, or the part of one that could not. */
export type Letter = {
  org: string | null
  connection: string | null
  /** Time of arrival in milliseconds. */
  at: number
  number: string | null
  reason: Reason
  /** A code of the database or a word of ours, never anything of the content. */
  code: string | null
  plain: Buffer | string
  /** What seals it: the organization's active key, or the instance's. */
  key: SealingKey
}

/** A dead letter as lists show it, without its body. */
export type DeadLetter = {
  id: string
  org_id: string | null
  connection_id: string | null
  queue: string
  reason: Reason
  code: string | null
  phone_number_id: string | null
  attempts: number
  first_seen_at: Date
  last_seen_at: Date
  /** The same to the microsecond, so that a place in the list is exact. */
  mark: number
  expires_at: Date
}

const COLUMNS = `id, org_id, connection_id, queue, reason, code, phone_number_id, attempts, first_seen_at, last_seen_at,
  expires_at, (extract(epoch from last_seen_at) * 1000000)::bigint as mark`

/**
 * Keep letters, one row for one content: what comes again, from WhatsApp or from a job that runs again, only
 * counts. Their bodies are webhook bodies, sealed as those in the queue are, so that they can go back there.
 */
export async function keepDeadLetters(on: Resources, letters: Letter[]): Promise<void> {
  if (letters.length === 0) return
  const kept = new Map(letters.map((letter) => [idOf(on, letter), letter]))
  const input = [...kept].map(([id, letter]) => ({
    id,
    org: letter.org,
    connection: letter.connection,
    number: letter.number,
    reason: letter.reason,
    code: letter.code,
    at: new Date(letter.at),
    body: seal(letter.key, placeOf(letter.connection, letter.at), letter.plain),
    days: LIMITS[letter.reason === 'unknown_number' ? 'UNKNOWN_NUMBER_DAYS' : 'DEAD_LETTER_DAYS']
      .is,
  }))
  await on.db.withSystem((tx) =>
    rows(
      tx,
      `insert into dead_letters as d (id, org_id, queue, reason, phone_number_id, connection_id, body, code, first_seen_at, expires_at)
       select i.id, i.org, 'inbound', i.reason, i.number, i.connection, i.body, i.code, i.at, now() + i.days * interval '1 day'
         from jsonb_to_recordset(:input::jsonb) as i (id uuid, org uuid, connection uuid, number text, reason text, code text,
                at timestamptz, body text, days int) order by i.id
       on conflict (id) do update set last_seen_at = now(), attempts = d.attempts + 1, reason = excluded.reason,
         code = excluded.code, expires_at = excluded.expires_at`,
      { input: JSON.stringify(input) },
    ),
  )
  on.log.warn(
    {
      letters: letters.length,
      reasons: [...new Set(letters.map(({ reason }) => reason))],
      codes: [...new Set(letters.map(({ code }) => code))],
    },
    'dead letters',
  )
}

/** The name of a content is keyed, so that nobody who reads ids can test what a body said. */
function idOf(on: Resources, { org, plain }: Letter): string {
  const mac = createHmac('sha256', on.vault.derive('dead_letters'))
  const bytes = mac
    .update(`${org ?? ''}|`)
    .update(plain)
    .digest()
    .subarray(0, 16)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

export type LetterPart = {
  filter?: LetterFilter
  /** The `mark` and id of a letter: those seen before it. */
  before?: { mark: number; id: string } | undefined
  limit: number
}

/** Dead letters of all organizations that a filter finds, the latest seen first. For operators. */
export const listDeadLetters = (
  on: Resources,
  { filter = {}, before, limit }: LetterPart,
): Promise<DeadLetter[]> =>
  on.db.withSystem((tx) =>
    rows<DeadLetter>(
      tx,
      `select ${COLUMNS} from dead_letters
        where ${FILTER} and (:mark::bigint is null
          or (last_seen_at, id) < (timestamptz 'epoch' + :mark::bigint * interval '1 microsecond', :id::uuid))
        order by last_seen_at desc, id desc limit :limit`,
      { ...filterValues(filter), mark: before?.mark ?? null, id: before?.id ?? null, limit },
    ),
  )

/** One dead letter with the shape of its body: names and types of the fields, every value masked. Throws Refusal 404. */
export async function showDeadLetter(
  on: Resources,
  id: string,
): Promise<DeadLetter & { shape: unknown }> {
  const { body, ...letter } = await on.db.withSystem((tx) => findDeadLetter(tx, id))
  const bytes = await openDeadLetter(on, letter, body)
  return { ...letter, shape: shapeOf(JSON.parse(bytes.toString())) }
}

/** Throw a letter away for good. Throws Refusal 404 when it is not there. */
export async function discardDeadLetter(
  on: Resources,
  id: string,
  by: AuditActor = SYSTEM,
): Promise<void> {
  await on.db.withSystem(async (tx) => {
    const [gone] = await rows<{ id: string; org_id: string | null }>(
      tx,
      'delete from dead_letters where id = ? returning id, org_id',
      [id],
    )
    if (!gone) throw notFound('dead letter')
    await tellOfLetter(tx, gone, { actor: by, action: 'dead_letter.discarded' })
  })
}

/** In the log of the organization it belonged to; a letter that was nobody's is told to nobody. */
export const tellOfLetter = (
  tx: Tx,
  { id, org_id }: { id: string; org_id: string | null },
  act: { actor: AuditActor; action: 'dead_letter.replayed' | 'dead_letter.discarded' },
): Promise<void> =>
  auditEach(tx, org_id === null ? [] : [org_id], () => ({
    ...act,
    target: { kind: 'dead_letter', id },
  }))

/** With its sealed body; throws Refusal 404. */
export async function findDeadLetter(tx: Tx, id: string): Promise<DeadLetter & { body: string }> {
  const [found] = await rows<DeadLetter & { body: string }>(
    tx,
    `select ${COLUMNS}, body from dead_letters where id = ?`,
    [id],
  )
  if (!found) throw notFound('dead letter')
  return found
}

/** The bytes of a letter; throws Refusal 410 when the key was destroyed. */
export async function openDeadLetter(
  on: Resources,
  letter: DeadLetter,
  body: string,
): Promise<Buffer> {
  const org = letter.org_id
  const keys =
    org === null
      ? on.vault.instance
      : await on.db.withTenant(org, (tx) => on.keys.of(tx, org, [keyIdOf(body)]))
  if (keys.length === 0) throw new Refusal(410, 'key_gone', 'The key of this organization is gone.')
  return open(keys, placeOf(letter.connection_id, letter.first_seen_at.getTime()), body)
}
