import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type pg from 'pg'
import { newId } from '../../src/ids.ts'
import { openQueues } from '../../src/queues.ts'
import type { Running } from './app.ts'
import { newCanary, plantInRows, type Planted } from './canaries.ts'
import { newIds, seedRows, type Ids } from './rows.ts'
import { until } from './until.ts'

/** What the purge has to read, or keeps as proof without anybody's data. */
export const READ = [
  'org_keys',
  'audit_head',
  'audit_log',
  'deletions',
  'suppressions',
  'organizations.status',
  'exports.location',
]

export type Place = { app: Running; login: pg.Client }

/** Rows in every table, an active key of its own, and a person to whom they belong. */
export async function settle({ app, login }: Place): Promise<Ids> {
  const ids = newIds()
  await seedRows(login, ids)
  const { wrapped, wrappedBy, key } = app.on.vault.newDataKey(ids.org)
  await login.query('delete from app.org_keys where org_id = $1', [ids.org])
  await login.query(
    'insert into app.org_keys (org_id, kid, wrapped, wrapped_by) values ($1, $2, $3, $4)',
    [ids.org, key.id, wrapped, wrappedBy],
  )
  await login.query(`delete from app.deletions where org_id = $1`, [ids.org])
  await app.on.directory.refresh()
  return ids
}

/** A canary of its own in every column, in files and in jobs of every state. */
export async function plant({ app, login }: Place, ids: Ids): Promise<Planted> {
  const planted = await plantInRows(login, ids, READ)
  const file = newCanary()
  const { rows } = await login.query<{ id: string }>(
    `update app.exports set state = 'ready' where org_id = $1 returning id`,
    [ids.org],
  )
  const id = rows[0]?.id ?? ''
  await mkdir(path.join(app.on.config.DATA_DIR, 'exports', ids.org), { recursive: true })
  await writeFile(path.join(app.on.config.DATA_DIR, 'exports', ids.org, `${id}.sealed`), file)
  planted.set(file, 'a file of an export')
  const media = newCanary()
  const folder = path.join(app.on.config.DATA_DIR, 'media', ids.org, '2026-01')
  await mkdir(folder, { recursive: true })
  await writeFile(path.join(folder, newId()), media)
  planted.set(media, 'a file of a message')
  for (const [state, canary] of Object.entries(await plantJobs(app, ids.org)))
    planted.set(canary, `a ${state} job`)
  return planted
}

/** Jobs that wait, failed, are delayed and ended; a worker of their own is told how each of them ends. */
async function plantJobs(app: Running, org: string): Promise<Record<string, string>> {
  const said = {
    waiting: newCanary(),
    completed: newCanary(),
    delayed: newCanary(),
    shared: newCanary(),
  }
  const body = (text: string, of: string | null = org) => ({
    org: of,
    connection: null,
    at: 1,
    sealed: text,
  })
  const queues = openQueues(app.on.config, { ...app.on, prefix: app.queuePrefix })
  await queues.addInbound([body(said.completed)])
  await queues.addInbound([body(said.delayed)])
  queues.work('inbound', ({ data }) =>
    data.bodies.some(({ sealed }) => sealed === said.delayed)
      ? Promise.reject(new Error('not now'))
      : Promise.resolve(),
  )
  await until(async () => {
    const { inbound } = await app.on.queues.depths()
    return (inbound['completed'] ?? 0) > 0 && (inbound['delayed'] ?? 0) > 0
  })
  await queues.close()
  await app.on.queues.addInbound([body(said.waiting), body('theirs', null)])
  await app.on.queues.addUsage({
    org,
    events: [{ id: org, ref: org, page: said.shared, feature: null, at: 1 }],
  })
  return said
}
