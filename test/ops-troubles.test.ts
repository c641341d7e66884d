import type { ConnectionLine } from '../src/ops/connection-lines.ts'
import type { ProcessLine } from '../src/ops/processes.ts'
import type { QueueLine } from '../src/ops/queue-lines.ts'
import type { Reading } from '../src/ops/reading.ts'
import { span } from '../src/ops/spans.ts'
import { TROUBLES, troublesIn, type Trouble } from '../src/ops/troubles.ts'
import { QUEUE_NAMES } from '../src/queues.ts'
import type { RedisFacts } from '../src/redis.ts'

const NOW = new Date('2026-10-01T12:00:00Z')
const HOUR = 3_600
const DAY = 24 * HOUR
const later = (seconds: number): Date => new Date(NOW.getTime() + seconds * 1_000)

const queue = (more: Partial<QueueLine> = {}): QueueLine => ({
  name: 'inbound',
  waiting: 0,
  active: 0,
  delayed: 0,
  failed: 0,
  isPaused: false,
  oldestS: null,
  beatS: 12,
  minutes: Array<number>(60).fill(0),
  rate: 0,
  peak: 0,
  ...more,
})
const living = (more: Partial<ProcessLine> = {}): ProcessLine => ({
  id: 'p1',
  kind: 'worker',
  host: 'crm-1',
  pid: 7,
  version: '0.1.0',
  upS: DAY * 2,
  seenS: 4,
  lagMs: 21,
  rssMb: 90,
  isGone: false,
  beats: {},
  ...more,
})
const number = (more: Partial<ConnectionLine> = {}): ConnectionLine => ({
  org_id: 'o1',
  org_name: 'Blue Linen',
  connection_id: 'c1',
  name: 'Dubai',
  state: 'active',
  state_reason: null,
  quality: 'GREEN',
  handshake_at: null,
  webhook_at: null,
  checked_at: null,
  check_outcome: null,
  waiting: 0,
  waitingS: null,
  held: 0,
  heldS: null,
  unsure: 0,
  unsureS: null,
  ...more,
})
const redis = (more: Partial<RedisFacts> = {}): RedisFacts => ({
  version: '7.2.0',
  evictionPolicy: 'noeviction',
  appendOnly: true,
  fsync: 'always',
  usedShare: 0.1,
  ...more,
})
const sweep = (more: object = {}): Reading['schedule'] => ({
  last: {
    id: 's1',
    now_arg: later(-8 * HOUR),
    started_at: later(-8 * HOUR),
    finished_at: later(-8 * HOUR),
    counts: {},
    held: {},
    overdue: [],
    ...more,
  },
  next: later(16 * HOUR),
  isAsked: false,
})

const well: Reading = {
  at: NOW,
  backend: 'redis',
  queues: QUEUE_NAMES.map((name) => queue({ name })),
  processes: [living(), living({ id: 'p2', kind: 'web' })],
  runs: [{ name: 'sweep', everyS: 5, agoS: 3, nextS: 2, failed: false }],
  connections: [number(), number({ connection_id: 'c2', state: 'disabled', held: 3, heldS: DAY })],
  unsure: [],
  letters: [{ reason: 'unknown_number', n: 90, fresh: 90, oldestS: 5 * DAY }],
  unsentMail: 3,
  exports: { waiting: 1, oldestS: 40, failed: 0 },
  deletions: [],
  schedule: sweep(),
  day: [],
  failures: [],
  redis: redis(),
  machine: { disk: { name: 'disk', state: 'ok', detail: '60 % free' }, skewMs: -40 },
}
const REDIS = { REDIS_URL: 'redis://queue' }
const found = (more: Partial<Reading>, config = REDIS): Trouble[] =>
  troublesIn({ ...well, ...more }, config)

test('an installation that is well has no trouble', () => {
  expect(found({})).toEqual([])
})

test('right after a start no heartbeat is missed yet', () => {
  const queues = [queue({ beatS: null })]
  expect(found({ queues, processes: [living({ upS: 20 })] })).toEqual([])
})

const deletion = (deadline: Date): Reading['deletions'] =>
  [{ id: 'd1', kind: 'org', state: 'purging', deadline_at: deadline, steps: {} }] as never

const CASES: [Trouble['kind'], Trouble['level'], Partial<Reading>, string][] = [
  ['queue_store', 'danger', { queues: null }, 'Redis'],
  ['queue_paused', 'danger', { queues: [queue({ isPaused: true, waiting: 2 })] }, '2 jobs wait'],
  ['queue_old', 'warn', { queues: [queue({ oldestS: 31 })] }, 'inbound has waited for 31 s'],
  ['queue_old', 'danger', { queues: [queue({ oldestS: 301 })] }, '5 min'],
  ['queue_deaf', 'danger', { queues: [queue({ beatS: 120 })] }, 'for 2 min'],
  [
    'queue_deaf',
    'danger',
    { queues: [queue({ beatS: null })] },
    'Nobody works at the queue inbound.',
  ],
  ['queue_durability', 'warn', { redis: redis({ fsync: 'everysec' }) }, 'up to two seconds'],
  ['queue_durability', 'danger', { redis: redis({ appendOnly: false }) }, 'forgets'],
  ['queue_durability', 'danger', { redis: redis({ evictionPolicy: 'allkeys-lru' }) }, 'drop jobs'],
  ['queue_memory', 'warn', { redis: redis({ usedShare: 0.71 }) }, '71 %'],
  ['queue_memory', 'danger', { redis: redis({ usedShare: 0.9 }) }, '90 %'],
  ['process_gone', 'warn', { processes: [living({ isGone: true, seenS: 300 })] }, '5 min ago'],
  ['process_slow', 'warn', { processes: [living({ lagMs: 1_500 })] }, '1.5 s'],
  [
    'process_versions',
    'warn',
    { processes: [living(), living({ version: '0.2.0' })] },
    '0.1.0 and 0.2.0',
  ],
  [
    'connection_held',
    'danger',
    { connections: [number({ state: 'suspended', state_reason: '190', held: 4, heldS: 8_580 })] },
    'Blue Linen, Dubai cannot send: Meta refused the access token. 4 messages held for 2 h 23 min',
  ],
  ['connection_quality', 'warn', { connections: [number({ quality: 'RED' })] }, 'low'],
  ['outbox_old', 'warn', { connections: [number({ waiting: 1, waitingS: 61 })] }, '1 min'],
  ['outbox_old', 'danger', { connections: [number({ waiting: 1, waitingS: 400 })] }, '6 min'],
  ['outcome_unknown', 'warn', { connections: [number({ unsure: 2, unsureS: 700 })] }, '2 messages'],
  [
    'dead_letters',
    'danger',
    { letters: [{ reason: 'data', n: 11, fresh: 11, oldestS: 20 }] },
    '11 webhooks',
  ],
  [
    'dead_letters',
    'warn',
    { letters: [{ reason: 'data', n: 1, fresh: 0, oldestS: 2 * DAY }] },
    'since 2 d',
  ],
  ['deletion_deadline', 'danger', { deletions: deletion(later(2 * DAY)) }, 'within 2 d'],
  ['deletion_deadline', 'danger', { deletions: deletion(later(-HOUR)) }, 'missed'],
  ['sweep_overdue', 'warn', { schedule: sweep({ overdue: ['messages'] }) }, 'messages'],
  ['sweep_overdue', 'warn', { schedule: sweep({ finished_at: later(-28 * HOUR) }) }, '1 d 4 h'],
  ['sweep_overdue', 'warn', { schedule: { ...sweep(), last: undefined } }, '2 d'],
  ['export_stuck', 'warn', { exports: { waiting: 2, oldestS: 1_000, failed: 0 } }, '2 exports'],
  [
    'work_late',
    'warn',
    { runs: [{ name: 'sweep', everyS: 5, agoS: 90, nextS: -85, failed: false }] },
    'sweep',
  ],
  [
    'work_late',
    'warn',
    { runs: [{ name: 'mail', everyS: 60, agoS: 10, nextS: 50, failed: true }] },
    'failed',
  ],
  [
    'disk',
    'danger',
    { machine: { disk: { name: 'disk', state: 'fail', detail: '1 % free' }, skewMs: 0 } },
    '1 % free',
  ],
  ['clock', 'danger', { machine: { disk: well.machine.disk, skewMs: 9_000 } }, '9.0 s'],
]

test.each(CASES)('%s is told as %s', (kind, level, reading, words) => {
  const troubles = found(reading)
  expect(troubles).toMatchObject([{ kind, level }])
  expect(troubles[0]?.title).toContain(words)
  expect(troubles[0]?.mend.length).toBeGreaterThan(20)
})

test('every kind there is can be told', () => {
  expect(new Set(CASES.map(([kind]) => kind))).toEqual(new Set(TROUBLES))
})

test('what wants somebody now comes first', () => {
  const troubles = found({
    redis: redis({ fsync: 'everysec' }),
    connections: [number({ state: 'suspended', state_reason: '190' })],
  })
  expect(troubles.map(({ level }) => level)).toEqual(['danger', 'warn'])
})

test.each([
  [0.31, '0.3 s'],
  [9.96, '10 s'],
  [59, '59 s'],
  [60, '1 min'],
  [8_580, '2 h 23 min'],
  [7_200, '2 h'],
  [273_600, '3 d 4 h'],
])('%d seconds are said as %s', (seconds, words) => {
  expect(span(seconds)).toBe(words)
})
