import { rows } from '../db.ts'
import { keepFile, newLocation, type Spot } from '../media/shelf.ts'
import type { Resources } from '../resources.ts'
import { SealError } from '../vault.ts'
import type { CheckedExport } from './import-file.ts'

const NAME = /^media\/([0-9a-f-]{36})(?:\.\w+)?$/

/**
 * Read the files of messages back, each sealed anew, to the rows that are there already; `renamed` tells which of these have
 * another id now. Each row names its place before a byte is written there.
 */
export async function restoreFiles(
  on: Resources,
  org: string,
  { file, renamed }: { file: CheckedExport; renamed: ReadonlyMap<string, string> },
): Promise<void> {
  for (const name of file.names) {
    const [, id] = NAME.exec(name) ?? []
    if (id) await restoreFile(on, { org, id: renamed.get(id) ?? id }, file.read(name))
  }
}

type At = { org: string; id: string }

async function restoreFile(on: Resources, at: At, bytes: AsyncIterable<Buffer>): Promise<void> {
  const spot = { org: at.org, location: newLocation(on.now()) }
  const [key] = await on.db.withTenant(at.org, (tx) => on.keys.of(tx, at.org))
  if (!key) throw new SealError()
  if (!(await place(on, at, { ...spot, key: key.id }))) return
  const kept = await keepFile(on, spot, key)
  for await (const part of bytes) await kept.write(part)
  await kept.end()
  await on.db.withTenant(at.org, (tx) =>
    rows(tx, `update media set status = 'stored', error = null where org_id = ? and id = ?`, [
      at.org,
      at.id,
    ]),
  )
}

/** False where the row did not come along, because its message did not. */
async function place(
  on: Resources,
  { org, id }: At,
  { location, key }: Spot & { key: string },
): Promise<boolean> {
  const placed = await on.db.withTenant(org, (tx) =>
    rows(
      tx,
      `update media set location = ?, key_id = ? where org_id = ? and id = ? and message_id is not null and error = 'lost' returning id`,
      [location, key, org, id],
    ),
  )
  return placed.length > 0
}
