import { createHash } from 'node:crypto'
import { z } from 'zod'
import { rows, type Tx } from '../db.ts'
import type { Resources } from '../resources.ts'
import type { Vault } from '../vault.ts'
import { isCertified, publicKeyOf, Signed, signWith } from './certificate.ts'
import { COLUMNS, readHandles, sealHandles, type Deletion } from './deletion.ts'

/** Any number will do, as long as everybody takes the same one. */
const LOCK = 1_128_679_003
const PURPOSE = 'deletion_ledger'

const at = z.iso.datetime().transform((text) => new Date(text))
const moment = at.nullable()
const common = { v: z.literal(1), n: z.int().min(1), prev: z.string(), at }

/**
 * What a restore has to know: how far each deletion is, which digests keep people away, whose grants were destroyed,
 * and which backups were made. Ids, times, digests and words of ours; `code` and `confirm` are sealed.
 */
export const Entry = z.discriminatedUnion('what', [
  z.object({
    ...common,
    what: z.literal('deletion'),
    id: z.uuid(),
    org_id: z.uuid().nullable(),
    kind: z.enum(['org', 'contact', 'user', 'meta_user']),
    subject_id: z.uuid(),
    code_digest: z.string(),
    confirm_digest: z.string().nullable(),
    confirm_until: moment,
    kept: z.string().nullable(),
    road: z.string(),
    state: z.enum(['requested', 'confirmed', 'grace', 'purging', 'purged', 'cancelled']),
    reason: z.string().nullable(),
    requested_at: at,
    confirmed_at: moment,
    grace_until: moment,
    deadline_at: at,
    purged_at: moment,
    backups_clear_at: moment,
    certificate: z.record(z.string(), z.unknown()).nullable(),
    signature: z.string().nullable(),
  }),
  z.object({
    ...common,
    what: z.literal('suppressed'),
    org_id: z.uuid(),
    kind: z.string(),
    digest: z.string(),
    erased_at: at,
    expires_at: at,
  }),
  z.object({
    ...common,
    what: z.literal('grant'),
    deletion: z.uuid(),
    connections: z.array(z.object({ org: z.uuid(), id: z.uuid() })),
  }),
  z.object({
    ...common,
    what: z.literal('hold'),
    id: z.uuid(),
    org_id: z.uuid(),
    contact_id: z.uuid(),
    from_at: moment,
    until_at: moment,
    placed_at: at,
    ends_at: at,
    released_at: moment,
  }),
  z.object({ ...common, what: z.literal('backup'), id: z.uuid(), made_at: at, expires_at: at }),
])
export type Entry = z.output<typeof Entry>
export type DeletionEntry = Extract<Entry, { what: 'deletion' }>

/** One line of the ledger as it is kept: its number, and the signed entry in the very bytes that the next one chains to. */
export type Line = { n: number; line: string }

/** The ledger does not say what it said: a line is missing, altered, or signed by somebody else. */
export class LedgerBroken extends Error {}

type Told = Record<string, unknown> & { what: Entry['what'] }

/**
 * Write one entry at the end, in the transaction of what it tells, so that neither is there without the other. The file
 * follows with `writeLedgerFile`; nothing is destroyed before it has.
 */
export async function appendLedger(on: Resources, tx: Tx, told: Told): Promise<void> {
  await rows(tx, 'select pg_advisory_xact_lock(?)', [LOCK])
  const [last] = await rows<Line>(tx, 'select n, line from deletion_ledger order by n desc limit 1')
  const n = (last?.n ?? 0) + 1
  const now = on.now()
  const entry = { v: 1, n, prev: last ? hashOf(last.line) : '', at: now, ...told }
  const plain = JSON.parse(JSON.stringify(entry)) as Record<string, unknown>
  const line = JSON.stringify(signWith(on.vault.derive(PURPOSE), plain))
  await rows(tx, 'insert into deletion_ledger (n, at, line) values (?, ?, ?)', [n, now, line])
}

/** How far a deletion is now, with what is needed to begin there again, and nothing of whom it is about. */
export async function appendDeletion(on: Resources, tx: Tx, id: string): Promise<void> {
  const [row] = await rows<
    Deletion & { code_digest: Buffer; confirm_digest: Buffer | null; confirm_until: Date | null }
  >(
    tx,
    `select ${COLUMNS}, code_digest, confirm_digest, confirm_until from deletions where id = ?`,
    [id],
  )
  if (!row) throw new Error('no such deletion')
  const {
    steps: _,
    retained_at: _rests,
    retained: _kept,
    code_digest,
    confirm_digest,
    ...told
  } = row
  const isOver = row.state === 'purged' || row.state === 'cancelled'
  await appendLedger(on, tx, {
    ...told,
    what: 'deletion',
    code_digest: code_digest.toString('hex'),
    confirm_digest: confirm_digest?.toString('hex') ?? null,
    kept: isOver ? null : await withoutValues(on, tx, id),
  })
}

/** The code, and the end of a mailed link: what was read from the subject stays behind. */
async function withoutValues(on: Resources, tx: Tx, id: string): Promise<string> {
  const { code, confirm } = await readHandles(on, tx, id)
  return sealHandles(on, id, { code, values: [], members: [], ...(confirm ? { confirm } : {}) })
}

/** All lines, in their order. */
export const readLedger = (tx: Tx, from = 1): Promise<Line[]> =>
  rows<Line>(tx, 'select n, line from deletion_ledger where n >= ? order by n', [from])

/** Takes over lines from elsewhere that are not here yet. */
export async function keepLines(tx: Tx, lines: Line[]): Promise<void> {
  for (const { n, line } of lines)
    await rows(
      tx,
      'insert into deletion_ledger (n, at, line) values (?, ?, ?) on conflict (n) do nothing',
      [n, entryOf(line).at, line],
    )
}

/**
 * The entries, if the lines are one unbroken chain whose end is signed by a key of this installation: the end answers for
 * all that lead to it. Throws LedgerBroken otherwise. Where the chain begins does not matter: what lies before every
 * backup that may be restored is not needed.
 */
export function checkLedger(vault: Vault, lines: Line[]): Entry[] {
  const entries = lines.map(({ line }) => entryOf(line))
  for (const [index, { n, prev }] of entries.entries()) {
    const before = lines[index - 1]
    if (n !== lines[index]?.n || (before && (n !== before.n + 1 || prev !== hashOf(before.line))))
      throw new LedgerBroken(`entry ${n} does not follow the one before it`)
  }
  const last = lines.at(-1)
  const trusted = vault.deriveAll(PURPOSE).map(publicKeyOf)
  if (last && !isCertified(Signed.parse(JSON.parse(last.line)), trusted))
    throw new LedgerBroken(`entry ${last.n} is not signed by this installation`)
  return entries
}

function entryOf(line: string): Entry {
  try {
    return Entry.parse(Signed.parse(JSON.parse(line)).certificate)
  } catch {
    throw new LedgerBroken('a line is no entry')
  }
}

const hashOf = (line: string): string => createHash('sha256').update(line).digest('hex')
