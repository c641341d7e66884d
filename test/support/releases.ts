import { SYSTEM } from '../../src/audit/audit.ts'
import { deletionCommands } from '../../src/cli/deletions.ts'
import type { Place } from '../../src/cli/place.ts'
import { advanceDue } from '../../src/deletions/advance.ts'
import { rows } from '../../src/db.ts'
import { findDeletion, type Deletion } from '../../src/deletions/deletion.ts'
import { requestDeletion } from '../../src/deletions/request.ts'
import { newId } from '../../src/ids.ts'
import type { Running } from './app.ts'
import type { Org } from './org.ts'

/** The deletion a code is about, as far as it is now, with what is noted of the release at Meta. */
export async function toldOf(app: Running, code: string): Promise<Deletion & { notes: string }> {
  const found = await findDeletion(app.on, code)
  if (!found) throw new Error('no deletion')
  return { ...found, notes: found.steps['meta_release']?.notes?.join('; ') ?? '' }
}

export async function countDeletions(app: Running): Promise<number> {
  const sql = 'select count(*)::int as n from deletions'
  return (await app.on.db.withSystem((tx) => rows<{ n: number }>(tx, sql)))[0]?.n ?? 0
}

/** A whole organization is to go now; answers the code. */
export async function askPurge(app: Running, org: string): Promise<string> {
  const until = app.on.now()
  const wish = { kind: 'org', subject: org, road: 'operator', by: SYSTEM, until } as const
  return (await requestDeletion(app.on, wish)).code
}

/** What is noted of the release when a whole organization goes. */
export async function purgeOf(app: Running, org: string): Promise<string> {
  const code = await askPurge(app, org)
  const { failed } = await advanceDue(app.on, { now: app.on.now() })
  if (failed.length > 0) throw new Error('not purged')
  return (await toldOf(app, code)).notes
}

export type Imported = { imported: number; deletions: { line: number; id: string; code: string }[] }

/** `chatflow deletion import-meta-ids --file FILE`, in this process. */
export async function importIds(app: Running, file: string): Promise<Imported> {
  const place = { open: () => Promise.resolve(app.on) } as Place
  const done = await deletionCommands['deletion import-meta-ids']?.run(place, ['--file', file])
  return done as Imported
}

/** `n` files that were uploaded to Meta through the organization's number, `days` ago, each sent twice; answers Meta's ids. */
export async function keepUploads(
  app: Running,
  { id: org, connection }: Org,
  { n, days = 1, from = 5_000 }: { n: number; days?: number; from?: number },
): Promise<string[]> {
  const ids = Array.from({ length: n }, (_, index) => String(from + index))
  const at = new Date(app.on.now().getTime() - days * 86_400_000)
  const sent = [...ids, ...ids].map((graph_id) => ({
    org_id: org,
    id: newId(),
    connection_id: connection.id,
    kind: 'image',
    graph_id,
    uploaded_at: at,
    status: 'failed',
  }))
  await app.on.db.withTenant(org, (tx) => tx.batchInsert('media', sent, 500))
  return ids
}

/** The ids that are still known here, of what was uploaded for this organization. */
export async function knownUploads(app: Running, { id: org }: Org): Promise<string[]> {
  const found = await app.on.db.withTenant(org, (tx) =>
    rows<{ graph_id: string }>(
      tx,
      'select distinct graph_id from media where org_id = ? and uploaded_at is not null order by graph_id',
      [org],
    ),
  )
  return found.map(({ graph_id }) => graph_id)
}
