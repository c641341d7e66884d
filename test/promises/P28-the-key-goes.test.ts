import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { SYSTEM } from '../../src/audit/audit.ts'
import { rows } from '../../src/db.ts'
import { advanceDue } from '../../src/deletions/advance.ts'
import { findDeletion } from '../../src/deletions/deletion.ts'
import { requestDeletion } from '../../src/deletions/request.ts'
import { openFor } from '../../src/keys.ts'
import { openResources } from '../../src/resources.ts'
import { ROOT } from '../../src/root.ts'
import { startApp, type Running } from '../support/app.ts'
import { startGraph, type Graph } from '../support/graph.ts'
import type { Org } from '../support/org.ts'
import { until } from '../support/until.ts'

describe('P28 — with the organization its key goes, and what it sealed opens nowhere', () => {
  let app: Running
  let graph: Graph
  let now = new Date('2026-11-20T10:00:00Z')
  beforeAll(async () => {
    graph = await startGraph()
    app = await startApp({ workers: false, now: () => now, env: { GRAPH_API_URL: graph.url } })
  })
  afterAll(async () => {
    await app.stop()
    await graph.stop()
  })

  const sealedToken = async ({ id, connection }: Org): Promise<string> => {
    const [row] = await app.on.db.withTenant(id, (tx) =>
      rows<{ access_token: string }>(tx, 'select access_token from connections where org_id = ?', [
        id,
      ]),
    )
    expect(connection.id).toBeTruthy()
    return row?.access_token ?? ''
  }
  const opens = (on: Running['on'], org: Org, envelope: string): Promise<string> =>
    on.db
      .withTenant(org.id, (tx) =>
        openFor(
          on,
          tx,
          { purpose: 'connections|access_token', org: org.id, row: org.connection.id },
          envelope,
        ),
      )
      .then(
        (token) => token.toString(),
        (error: Error) => error.constructor.name,
      )

  test('an envelope copied before does not open afterwards, here or in a fresh process; the neighbour’s does', async () => {
    const [org, neighbour] = [await app.org(), await app.org()]
    const [ours, theirs] = [await sealedToken(org), await sealedToken(neighbour)]
    // Another process that worked for this organization a moment ago, and holds its key.
    const other = await openResources(app.on.config, {
      log: app.on.log,
      queuePrefix: app.queuePrefix,
    })
    for (const on of [app.on, other])
      expect(await opens(on, org, ours)).toBe(org.connection.accessToken)
    const { code } = await requestDeletion(app.on, {
      kind: 'org',
      subject: org.id,
      road: 'self',
      by: SYSTEM,
    })
    now = new Date(now.getTime() + 8 * 86_400_000)
    expect((await advanceDue(app.on, { now })).failed).toEqual([])
    expect(await opens(app.on, org, ours)).toBe('SealError')
    await until(async () => (await opens(other, org, ours)) === 'SealError')
    await other.close()
    const fresh = await openResources(app.on.config, {
      log: app.on.log,
      queuePrefix: app.queuePrefix,
    })
    try {
      expect(await opens(fresh, org, ours)).toBe('SealError')
      expect(await opens(fresh, neighbour, theirs)).toBe(neighbour.connection.accessToken)
    } finally {
      await fresh.close()
    }
    // A backup holds the wrapped key until it expires: the certificate says where keys lie and claims no more.
    const found = await findDeletion(app.on, code)
    expect(found?.certificate).toMatchObject({ certificate: { key_store: 'database' } })
  })

  test('no data key is derived: what was destroyed cannot be made again', async () => {
    const vault = await readFile(path.join(ROOT, 'src/vault.ts'), 'utf8')
    const made = /newDataKey\(org\) \{\n.*/.exec(vault)?.[0] ?? ''
    expect(made).toContain('randomBytes(32)')
    const [a, b] = [app.on.vault.newDataKey('o'), app.on.vault.newDataKey('o')]
    expect(a.key.key.equals(b.key.key)).toBe(false)
  })
})
