import { SYSTEM } from '../../src/audit/audit.ts'
import { readVariables } from '../../src/config.ts'
import { advanceDue } from '../../src/deletions/advance.ts'
import { deadlineOf, graceUntil } from '../../src/deletions/deadline.ts'
import { requestDeletion } from '../../src/deletions/request.ts'
import { rows } from '../../src/db.ts'
import { listKept } from '../../src/ops/mail.ts'
import { startApp, type Running } from '../support/app.ts'
import { startGraph, type Graph } from '../support/graph.ts'

const DAY = 86_400_000
const BUDGET = { DELETION_GRACE_DAYS: 7, PURGE_BUDGET_DAYS: 2, BACKUP_RETENTION_DAYS: 14 }

describe('P39 — "within 30 days", and never later than a month', () => {
  test.each([
    ['2026-01-29T08:00:00Z', '2026-02-28T08:00:00Z'],
    ['2026-01-30T08:00:00Z', '2026-02-28T08:00:00Z'],
    ['2026-01-31T10:00:00Z', '2026-02-28T10:00:00Z'],
    ['2026-02-13T00:00:00Z', '2026-03-13T00:00:00Z'],
    ['2026-03-15T12:00:00Z', '2026-04-14T12:00:00Z'],
    ['2026-03-29T00:30:00Z', '2026-04-28T00:30:00Z'],
    ['2026-08-31T00:00:00Z', '2026-09-30T00:00:00Z'],
    ['2026-10-25T00:30:00Z', '2026-11-24T00:30:00Z'],
    ['2026-12-31T23:59:59Z', '2027-01-30T23:59:59Z'],
    ['2027-02-28T23:00:00Z', '2027-03-28T23:00:00Z'],
    ['2028-01-31T10:00:00Z', '2028-02-29T10:00:00Z'],
    ['2028-02-29T06:30:00Z', '2028-03-29T06:30:00Z'],
  ])('received %s is done by %s', (received, deadline) => {
    expect(deadlineOf(new Date(received))).toEqual(new Date(deadline))
  })

  test('whenever it is received there are 28 to 30 days, and what is promised first fits into them', () => {
    const wrong: string[] = []
    for (let at = Date.UTC(2024, 0, 1); at < Date.UTC(2032, 0, 1); at += 7.31 * 3_600_000) {
      const deadline = deadlineOf(new Date(at))
      const days = (deadline.getTime() - at) / DAY
      const end = graceUntil(new Date(at + 3 * DAY), deadline, BUDGET).getTime() + 16 * DAY
      if (days < 28 || days > 30 || end > deadline.getTime()) wrong.push(new Date(at).toISOString())
    }
    expect(wrong).toEqual([])
  })

  test('typed in on the 27th day there is no grace left', () => {
    const received = new Date('2026-03-01T00:00:00Z')
    const typed = new Date('2026-03-27T00:00:00Z')
    expect(graceUntil(typed, deadlineOf(received), BUDGET)).toEqual(typed)
  })

  test('a start whose sums do not fit into 28 days is refused in one line', () => {
    expect(() => readVariables({ BACKUP_RETENTION_DAYS: '16', PURGE_BUDGET_DAYS: '3' })).toThrow(
      /is 29 and may be at most 28/,
    )
  })

  describe('with sweeps', () => {
    let app: Running
    let graph: Graph
    let now = new Date('2026-01-31T10:00:00Z')
    beforeAll(async () => {
      graph = await startGraph()
      app = await startApp({ workers: false, now: () => now, env: { GRAPH_API_URL: graph.url } })
    })
    afterAll(async () => {
      await app.stop()
      await graph.stop()
    })

    const ask = async (): Promise<Date> => {
      const org = await app.org()
      const { deadline } = await requestDeletion(app.on, {
        kind: 'org',
        subject: org.id,
        road: 'self',
        by: SYSTEM,
      })
      return deadline
    }

    const told = async (): Promise<string[][]> =>
      (await listKept(app.on)).flatMap(({ kind, to, subject }) =>
        kind === 'alarm' ? [[to, subject]] : [],
      )
    const openAlarms = (): Promise<unknown[]> =>
      app.on.db.withSystem((tx) =>
        rows(tx, 'select kind, stage from alarms where cleared_at is null'),
      )

    test('three days before the deadline, and not a second earlier, somebody is told', async () => {
      now = new Date('2026-01-31T10:00:00Z')
      const deadline = await ask()
      graph.decide(() => ({ status: 503 }))
      now = new Date(deadline.getTime() - 3 * DAY - 1_000)
      expect((await advanceDue(app.on, { now })).overdue).toEqual([])
      expect(await told()).toEqual([])
      now = new Date(deadline.getTime() - 3 * DAY + 1_000)
      expect((await advanceDue(app.on, { now })).overdue).toHaveLength(1)
      // Looked at again, nobody is told again.
      now = new Date(now.getTime() + 60_000)
      expect((await advanceDue(app.on, { now })).overdue).toHaveLength(1)
      expect(await told()).toEqual([
        [app.on.config.PRIVACY_CONTACT, 'A deletion is close to its deadline and not done'],
      ])
      expect(await openAlarms()).toEqual([{ kind: 'deletion', stage: 'near' }])
      // Two days before it nobody waits for Meta any more: what is ours goes now.
      now = new Date(deadline.getTime() - 2 * DAY + 1_000)
      expect(await advanceDue(app.on, { now })).toMatchObject({ failed: [], overdue: [] })
      expect(await openAlarms()).toEqual([])
    })

    test('a sweep every third day, and Meta away until the end, is in time', async () => {
      now = new Date('2026-05-31T10:00:00Z')
      const deadline = await ask()
      graph.decide(() => 'reset')
      let purged = 0
      while (purged === 0 && now < deadline) {
        now = new Date(now.getTime() + 2.9 * DAY)
        const at = now < deadline ? now : new Date(deadline.getTime() - DAY)
        now = at
        purged += (await advanceDue(app.on, { now })).purged.length
      }
      expect(purged).toBe(1)
      expect(now.getTime()).toBeLessThan(deadline.getTime())
    })
  })
})
