import { SYSTEM } from '../src/audit/audit.ts'
import { isCertified, publishedKeys, Signed } from '../src/deletions/certificate.ts'
import { findDeletion } from '../src/deletions/deletion.ts'
import { requestDeletion } from '../src/deletions/request.ts'
import { countLeft } from '../src/deletions/search.ts'
import { statusOf } from '../src/deletions/status.ts'
import { BACKENDS, startApp, type Running } from './support/app.ts'
import { runBeside } from './support/child.ts'
import { arrive, sealedBody } from './support/inbound.ts'
import { messageOf, messagesBody, newCustomer } from './support/meta.ts'
import { startGraph, type Graph } from './support/graph.ts'
import { seeded } from './support/order.ts'
import type { Org } from './support/org.ts'

const DAY = 86_400_000
const KILLS = 10
/** About as many steps and batches as a whole deletion has. */
const BEATS = 70
/** After a kill nobody else takes over before the lease is over. */
const LEASE_MS = 61_000
/** Shown when it fails; PURGE_SEED=… runs the same kills again. */
const SEED = Number(process.env['PURGE_SEED'] ?? 1 + (Date.now() % 1_000_000))

describe.each(BACKENDS)('a deletion whose process is killed, queues in %s', (backend) => {
  let app: Running
  let graph: Graph
  beforeAll(async () => {
    graph = await startGraph()
    app = await startApp({ backend, workers: false, env: { GRAPH_API_URL: graph.url } })
  })
  afterAll(async () => {
    await app.stop()
    await graph.stop()
  })

  /** Runs until it is done, or killed before its n-th step or batch; true when it was killed. */
  const run = (n: number, ahead: number): Promise<boolean> =>
    runBeside(app, 'purge-child.ts', [String(n), String(ahead)])

  /** An organization with people, messages and jobs, about to be deleted; answers the code. */
  async function leave(): Promise<{ org: Org; code: string }> {
    const org = await app.org()
    for (let i = 0; i < 3; i += 1) {
      const ana = newCustomer()
      const body = messagesBody(org.connection, ana, messageOf(ana, 'Hello'))
      await arrive(app.on, org, body)
      await app.on.queues.addInbound([sealedBody(app.on, org.connection, body)])
    }
    const asked = { kind: 'org' as const, subject: org.id, road: 'self' as const, by: SYSTEM }
    const { code } = await requestDeletion(app.on, asked)
    return { org, code }
  }

  async function expectGone({ org, code }: { org: Org; code: string }): Promise<void> {
    const found = await findDeletion(app.on, code)
    expect([`seed ${SEED}`, found?.state]).toEqual([`seed ${SEED}`, 'purged'])
    expect(await countLeft(app.on, org.id)).toEqual([])
    expect(await app.on.queues.hasForgotten(org.id)).toBe(true)
    if (!found) throw new Error('no deletion')
    const signed = Signed.parse(statusOf(found))
    const trusted = publishedKeys(app.on.vault)
    expect(isCertified(signed, trusted)).toBe(true)
    const altered = { ...signed.certificate, purged_at: '2020-01-01T00:00:00.000Z' }
    expect(isCertified({ ...signed, certificate: altered }, trusted)).toBe(false)
    expect(graph.calls.map(({ path: to }) => to)).toContainEqual(
      expect.stringMatching(`/${org.connection.wabaId}/subscribed_apps$`),
    )
  }

  test(`at ${KILLS} random points and begun again ends as if nothing had happened`, async () => {
    const random = seeded(SEED)
    const neighbour = await app.org()
    let ahead = 8 * DAY
    let kills = 0
    while (kills < KILLS) {
      const leaving = await leave()
      // A run that reaches its end before its point is over; the kills that are left meet the next organization.
      while (kills < KILLS && (await run(1 + Math.floor(random() * BEATS), ahead))) {
        kills += 1
        ahead += LEASE_MS
      }
      ahead += LEASE_MS
      await run(0, ahead)
      await expectGone(leaving)
    }
    expect((await countLeft(app.on, neighbour.id)).length).toBeGreaterThan(0)
  }, 240_000)
})
