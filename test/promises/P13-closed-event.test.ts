import { rows } from '../../src/db.ts'
import { newId } from '../../src/ids.ts'
import type { UsageJob } from '../../src/queues.ts'
import { storeUsage } from '../../src/usage/usage.ts'
import { startApp, type Running } from '../support/app.ts'
import { member } from '../support/member.ts'
import { talkWith } from '../support/program.ts'
import { until } from '../support/until.ts'

describe('P13 — pages visited, features used, timestamps, and nothing more', () => {
  let app: Running
  const jobs: UsageJob[] = []
  beforeAll(async () => {
    app = await startApp({ workers: false })
    app.on.queues.addUsage = (job) => Promise.resolve(void jobs.push(job))
  })
  afterAll(() => app.stop())

  test('canaries in addresses, searches and forms reach neither the queue nor the table', async () => {
    const org = await app.org()
    const agent = await member(app, org, 'agent')
    const { conversation } = await talkWith(app, org)
    await agent.get(`/inbox/${conversation}?q=canary-search`)
    await agent.get('/canary-path')
    await agent.post(`/inbox/${conversation}/status`, { status: 'resolved', note: 'canary-body' })
    const events = await until(() => {
      const seen = jobs.filter((job) => job.org === org.id).flatMap((job) => job.events)
      return seen.length >= 2 && seen
    })
    await storeUsage(app.on, { org: org.id, events })
    const stored = await app.on.db.withTenant(org.id, (tx) =>
      rows<Record<string, unknown>>(
        tx,
        'select * from usage_events where org_id = ? order by page',
        [org.id],
      ),
    )
    expect(stored.map(({ page, feature }) => [page, feature])).toEqual([
      ['/inbox/:id', null],
      ['/inbox/:id/status', 'change_status'],
    ])
    for (const row of stored)
      expect(Object.keys(row).toSorted()).toEqual(['at', 'feature', 'id', 'org_id', 'page', 'ref'])
    for (const told of ['canary', conversation])
      expect(JSON.stringify([events, stored])).not.toContain(told)
  })

  test('an event that carries one thing more is refused, and the good one beside it is kept', async () => {
    const org = await app.org()
    const agent = await member(app, org, 'agent')
    await agent.get('/contacts')
    const [good] = await until(() => jobs.find((job) => job.org === org.id)?.events)
    if (!good) throw new Error('no event')
    const more = ['ip', 'userAgent', 'referrer', 'query'].map((name) =>
      Object.assign({ [name]: 'x' }, good, { id: newId() }),
    )
    const address = { ...good, id: newId(), page: `/contacts/${newId()}` }
    expect(await storeUsage(app.on, { org: org.id, events: [...more, address, good] })).toBe(1)
  })
})
