import { rows } from '../src/db.ts'
import { sweepWhenDue } from '../src/privacy/retention.ts'
import {
  askForSweep,
  isSweepDue,
  lastDue,
  nextDue,
  readSchedule,
} from '../src/privacy/sweep-runs.ts'
import { startApp, type Running } from './support/app.ts'
import { signInAs } from './support/sign-in.ts'
import { visit } from './support/visitor.ts'

const NOW = new Date('2026-11-24T12:00:00Z')
const DAY = 86_400_000
const later = (ms: number, from = NOW): Date => new Date(from.getTime() + ms)

let app: Running
let clock: Date
beforeEach(async () => {
  clock = NOW
  app = await startApp({ workers: false, now: () => clock })
})
afterEach(() => app.stop())

test('a sweep is due at three in the morning, UTC', () => {
  const due = new Date('2026-11-24T03:00:00Z')
  expect(lastDue(due)).toEqual(due)
  expect(lastDue(later(-1, due))).toEqual(later(-DAY, due))
  expect(nextDue(due)).toEqual(later(DAY, due))
})

test('the worker sweeps once a day, also when the machine was off at three', async () => {
  expect(await isSweepDue(app.on, NOW)).toBe(true)
  await sweepWhenDue(app.on)
  clock = new Date('2026-11-25T02:59:59Z')
  expect(await isSweepDue(app.on, clock)).toBe(false)
  clock = new Date('2026-11-25T03:00:00Z')
  expect(await isSweepDue(app.on, clock)).toBe(true)
})

test('the worker takes up a run that was killed, ten minutes later', async () => {
  await app.on.db.withSystem((tx) =>
    rows(tx, `insert into sweep_runs (id, now_arg, started_at) values (gen_random_uuid(), ?, ?)`, [
      NOW,
      NOW,
    ]),
  )
  expect(await isSweepDue(app.on, later(599_999))).toBe(false)
  expect(await isSweepDue(app.on, later(600_000))).toBe(true)
})

test('an operator sees the last and the next run, and asks for one', async () => {
  await sweepWhenDue(app.on)
  const org = await app.org()
  const operator = visit(app, { cookie: await signInAs(app.on, org, org.owner) })
  const page = (await operator.get('/ops')).text
  expect(page).toContain('datetime="2026-11-24T12:00:00.000Z"')
  expect(page).toContain('datetime="2026-11-25T03:00:00.000Z"')
  for (const _ of [1, 2]) expect((await operator.post('/ops/sweeps')).status).toBe(303)
  expect((await operator.get('/ops')).text).toContain('sweep-asked')
  expect(await isSweepDue(app.on, NOW)).toBe(true)
  await sweepWhenDue(app.on)
  expect(await readSchedule(app.on)).toMatchObject({ isAsked: false })
  await askForSweep(app.on)
  await askForSweep(app.on)
  const runs = await app.on.db.withSystem((tx) => rows(tx, 'select id from sweep_runs'))
  expect(runs).toHaveLength(3)
})
