import { rows, type Tx } from '../db.ts'
import { through } from '../privacy/export-plan.ts'
import type { Resources } from '../resources.ts'
import { open, sealSoon, SealError, type SealingKey } from '../vault.ts'
import { listSealed, type SealedColumn } from './sealed-columns.ts'

/** By column: how many values are under the new key now, and how many no key of ours opens. */
export type Resealed = { resealed: Record<string, number>; left: Record<string, number> }
/** Whose values: null for the installation's. */
type Whose = { org: string | null }
type Found = { key: string[]; value: string; facts: Record<string, unknown> }

const BATCH = 200
/** Whole files in a column: a few of them are as much as a batch of anything else. */
const BIG: ReadonlySet<string> = new Set(['support_files.bytes'])
const BATCH_OF_BIG = 4

const batchOf = ({ table, column }: SealedColumn): number =>
  BIG.has(`${table}.${column}`) ? BATCH_OF_BIG : BATCH

/**
 * Puts every value of the database that other keys seal under `to`, a batch at a time: what changed meanwhile stays as
 * it is. Without a state of its own, so a run that was killed is gone on with by the next one, and one with nothing to
 * do changes nothing.
 */
export async function resealAll(
  on: Resources,
  { org }: Whose,
  { to, from }: { to: SealingKey; from: readonly SealingKey[] },
): Promise<Resealed> {
  const done: Resealed = { resealed: {}, left: {} }
  for (const column of await listSealed(on, org)) {
    const { moved, stuck } = await resealColumn(on, column, { org, to, from })
    const name = `${column.table}.${column.column}`
    if (moved > 0) done.resealed[name] = moved
    if (stuck > 0) done.left[name] = stuck
    if (moved > 0) on.log.info({ org, column: name, values: moved }, 'values sealed anew')
  }
  return done
}

type Change = Whose & { to: SealingKey; from: readonly SealingKey[] }

async function resealColumn(
  on: Resources,
  column: SealedColumn,
  { org, to, from }: Change,
): Promise<{ moved: number; stuck: number }> {
  const done = { moved: 0, stuck: 0 }
  for (let after: string[] | undefined; ;) {
    const place = after
    const found = await through(on.db, column.door, async (tx) => {
      const batch = await readBatch(tx, column, { org, except: to.id, after: place })
      for (const one of batch) {
        const plain = opened(from, column, one)
        if (!plain) done.stuck += 1
        else {
          const anew = await sealSoon(to, column.place(one.facts), plain)
          done.moved += await write(tx, column, one, { org, anew })
        }
      }
      return batch
    })
    after = found.at(-1)?.key
    if (found.length < batchOf(column) || !after) return done
  }
}

function opened(
  keys: readonly SealingKey[],
  column: SealedColumn,
  { facts, value }: Found,
): Buffer | undefined {
  try {
    return open(keys, column.place(facts), value)
  } catch (error) {
    if (error instanceof SealError) return undefined
    throw error
  }
}

type Part = Whose & { except: string; after: string[] | undefined }

async function readBatch(
  tx: Tx,
  from: SealedColumn,
  { org, except, after }: Part,
): Promise<Found[]> {
  const { table, column, where, keys } = from
  const names = keys.map(({ name }) => `t."${name}"`).join(', ')
  const behind = keys.map(({ type }, index) => `:after${index}::${type}`).join(', ')
  await tx.raw(`set local time zone 'UTC'`)
  return rows<Found>(
    tx,
    `select array[${keys.map(({ name }) => `t."${name}"::text`).join(', ')}] as key, t."${column}" as value,
            to_jsonb(t) - :column::text as facts
       from app."${table}" t
      where ${where} and t."${column}" like 'v1.%' and split_part(t."${column}", '.', 2) <> :except
        ${after ? `and (${names}) > (${behind})` : ''} order by ${names} limit ${batchOf(from)}`,
    {
      column,
      except,
      ...(where.includes(':org') ? { org } : {}),
      ...Object.fromEntries((after ?? []).map((value, index) => [`after${index}`, value])),
    },
  )
}

/** Only if it is still what was read: answers 0 when somebody else wrote meanwhile. */
async function write(
  tx: Tx,
  { table, column, where, keys }: SealedColumn,
  { key, value }: Found,
  { org, anew }: Whose & { anew: string },
): Promise<number> {
  const own = keys.map(({ name, type }, index) => `"${name}" = :key${index}::${type}`).join(' and ')
  const { rowCount } = await tx.raw<{ rowCount: number }>(
    `update app."${table}" set "${column}" = :anew where ${where} and ${own} and "${column}" = :value`,
    {
      anew,
      value,
      ...(where.includes(':org') ? { org } : {}),
      ...Object.fromEntries(key.map((part, index) => [`key${index}`, part])),
    },
  )
  return rowCount
}

/** How many values of the database each key seals, by its id. */
export async function countSealed(
  on: Resources,
  { org }: Whose,
): Promise<Record<string, Record<string, number>>> {
  const counts: Record<string, Record<string, number>> = {}
  for (const { table, column, door, where } of await listSealed(on, org)) {
    const found = await through(on.db, door, (tx) =>
      rows<{ kid: string; n: number }>(
        tx,
        `select split_part(t."${column}", '.', 2) as kid, count(*)::int as n from app."${table}" t
          where ${where} and t."${column}" like 'v1.%' group by 1`,
        where.includes(':org') ? { org } : {},
      ),
    )
    for (const { kid, n } of found) (counts[kid] ??= {})[`${table}.${column}`] = n
  }
  return counts
}
