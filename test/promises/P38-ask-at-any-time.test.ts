import { SYSTEM } from '../../src/audit/audit.ts'
import { rows } from '../../src/db.ts'
import { advanceDue } from '../../src/deletions/advance.ts'
import { findDeletion } from '../../src/deletions/deletion.ts'
import { cancelDeletion, requestDeletion, type Asked } from '../../src/deletions/request.ts'
import { startApp, type Running } from '../support/app.ts'
import { startGraph, type Graph } from '../support/graph.ts'
import type { Org } from '../support/org.ts'
import { program } from '../support/program.ts'

const DAY = 86_400_000

describe('P38 — deletion may be asked for at any time, by any road', () => {
  let app: Running
  let graph: Graph
  let org: Org
  let now: Date
  beforeAll(async () => {
    graph = await startGraph()
    app = await startApp({ workers: false, now: () => now, env: { GRAPH_API_URL: graph.url } })
  })
  beforeEach(async () => {
    now = new Date('2026-11-20T10:00:00Z')
    org = await app.org()
  })
  afterAll(async () => {
    await app.stop()
    await graph.stop()
  })

  const ask = (received?: Date): Promise<Asked> =>
    requestDeletion(app.on, {
      kind: 'org',
      subject: org.id,
      road: 'self',
      by: SYSTEM,
      ...(received ? { received } : {}),
    })
  const cancel = () => cancelDeletion(app.on, { subject: org.id, by: SYSTEM })
  const events = async ({ id }: Asked): Promise<string[]> => {
    const found = await app.on.db.withSystem((tx) =>
      rows<{ state: string }>(
        tx,
        'select state from deletion_events where deletion_id = ? order by at, id',
        [id],
      ),
    )
    return found.map(({ state }) => state)
  }

  test('asked again it is the same one, with the same code and deadline', async () => {
    const first = await ask()
    now = new Date(now.getTime() + 2 * DAY)
    expect(await ask()).toEqual(first)
  })

  test('the clock runs from when it was received, not from when it was typed in', async () => {
    const { deadline } = await ask(new Date('2026-11-10T10:00:00Z'))
    expect(deadline).toEqual(new Date('2026-12-10T10:00:00Z'))
  })

  test('a cancellation and the sweep at the same instant: exactly one of them wins', async () => {
    const asked = await ask()
    now = new Date(now.getTime() + 7 * DAY - 1)
    const [cancelled, swept] = await Promise.allSettled([
      cancel(),
      advanceDue(app.on, { now: new Date(now.getTime() + 1) }),
    ])
    const state = (await findDeletion(app.on, asked.code))?.state
    const isPurged = swept.status === 'fulfilled' && swept.value.purged.includes(asked.id)
    expect([cancelled.status === 'fulfilled', isPurged]).toEqual(
      state === 'cancelled' ? [true, false] : [false, true],
    )
    expect((await events(asked)).filter((one) => ['cancelled', 'purged'].includes(one))).toEqual([
      state,
    ])
  })

  test('after the grace it cannot be taken back, whether or not anything was removed yet', async () => {
    const asked = await ask()
    now = new Date(now.getTime() + 7 * DAY)
    await expect(cancel()).rejects.toMatchObject({ status: 409, code: 'too_late' })
    await advanceDue(app.on, { now })
    await expect(cancel()).rejects.toMatchObject({ status: 404 })
    expect(await events(asked)).toEqual(['requested', 'confirmed', 'grace', 'purging', 'purged'])
  })

  test('an API key may erase a contact and can do nothing to the account', async () => {
    const api = await program(app, org)
    for (const path of ['/organization', `/organizations/${org.id}`, '/account'])
      expect((await api.send('DELETE', path, {})).status).toBe(404)
    expect(
      await app.on.db.withSystem((tx) =>
        rows(tx, 'select 1 from deletions where org_id = ?', [org.id]),
      ),
    ).toEqual([])
  })
})
