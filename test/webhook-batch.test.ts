import { randomBytes } from 'node:crypto'
import type { InboundBody } from '../src/queues.ts'
import { SealError } from '../src/vault.ts'
import { NotConfirmed, openBatch, type Batch } from '../src/webhooks/batch.ts'
import { openTogether, sealTogether, type Arrival } from '../src/webhooks/sealing.ts'

type Named = { bytes: string }
/** A queue whose enqueues end when the test says so. */
function heldQueue(limits = {}): {
  batch: Batch<Named>
  flights: string[][]
  end(n: number, error?: Error): Promise<void>
} {
  const flights: string[][] = []
  const ends: ((error?: Error) => void)[] = []
  const batch = openBatch<Named>(
    (bodies) =>
      new Promise((resolve, reject) => {
        flights.push(bodies.map(({ bytes }) => bytes))
        ends.push((error) => (error ? reject(error) : resolve(new Map())))
      }),
    { bodies: 4, bytes: 100, flights: 2, deadlineMs: 60, ...limits },
  )
  return {
    batch,
    flights,
    async end(n, error) {
      ends[n]?.(error)
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}
const body = (name: string): Named => ({ bytes: name })
/** Add and remember how it ended. */
function adding(batch: Batch<Named>, ...names: string[]): Record<string, string> {
  const ended: Record<string, string> = {}
  for (const name of names)
    batch.add(body(name)).then(
      () => (ended[name] = 'stored'),
      (error: Error) => (ended[name] = error instanceof NotConfirmed ? 'late' : 'refused'),
    )
  return ended
}

test('the first goes at once; what comes meanwhile shares the next job', async () => {
  const { batch, flights, end } = heldQueue()
  const ended = adding(batch, 'a', 'b', 'c')
  expect(flights).toEqual([['a']])
  await end(0)
  expect(flights).toEqual([['a'], ['b', 'c']])
  expect(ended).toEqual({ a: 'stored' })
  await end(1)
  expect(ended).toEqual({ a: 'stored', b: 'stored', c: 'stored' })
})

test('a full job does not wait for the one under way, and never are there more than two', () => {
  const { batch, flights } = heldQueue()
  adding(batch, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j')
  expect(flights).toEqual([['a'], ['b', 'c', 'd', 'e']])
})

test('a job holds no more bytes than allowed, but always one body', async () => {
  const { batch, flights, end } = heldQueue()
  const [small, big] = ['s'.repeat(60), 'b'.repeat(500)]
  adding(batch, 'a', small, 'x', big, 'y')
  expect(flights).toEqual([['a'], [small, 'x']])
  await end(0)
  expect(flights.at(-1)).toEqual([big])
})

test('a refused job refuses everybody in it and nobody else', async () => {
  const { batch, end } = heldQueue()
  const ended = adding(batch, 'a', 'b', 'c')
  await end(0, new Error('refused'))
  await end(1)
  expect(ended).toEqual({ a: 'refused', b: 'stored', c: 'stored' })
})

test('what a job leaves out is refused alone', async () => {
  const spent = { bytes: 'spent' }
  const batch = openBatch<Named>((items) =>
    Promise.resolve(new Map(items.includes(spent) ? [[spent, new Error('spent')]] : [])),
  )
  const ended = await Promise.allSettled([batch.add(spent), batch.add(body('other'))])
  expect(ended.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
})

describe('bodies that came together', () => {
  const key = { id: 'k1', key: randomBytes(32) }
  const arrival = (text: string, at: number, more: Partial<Arrival> = {}): Arrival => ({
    org: 'o1',
    connection: 'c1',
    key,
    at,
    bytes: Buffer.from(text),
    ...more,
  })
  const texts = (envelope: InboundBody): [number, string][] =>
    openTogether([key], envelope).map(({ at, bytes }) => [at, bytes.toString()])

  test('share one envelope for each connection, and open as they came', () => {
    const { bodies } = sealTogether([
      arrival('één', 1),
      arrival('theirs', 2, { org: 'o2', connection: 'c2' }),
      arrival('', 3),
      arrival('two', 4),
    ])
    expect(bodies.map(({ connection, parts }) => [connection, parts])).toEqual([
      [
        'c1',
        [
          [1, 5],
          [3, 0],
          [4, 3],
        ],
      ],
      ['c2', undefined],
    ])
    expect(bodies.map(texts)).toEqual([
      [
        [1, 'één'],
        [3, ''],
        [4, 'two'],
      ],
      [[2, 'theirs']],
    ])
  })

  test('do not open when a length was altered or the envelope was moved', () => {
    const { bodies } = sealTogether([arrival('one', 1), arrival('two', 2)])
    const [both] = bodies
    if (!both) throw new Error('nothing sealed')
    expect(texts(both)).toHaveLength(2)
    expect(() =>
      texts({
        ...both,
        parts: [
          [1, 3],
          [2, 2],
        ],
      }),
    ).toThrow(SealError)
    expect(() => texts({ ...both, connection: 'c2' })).toThrow(SealError)
  })

  test('wait for nobody whose key is used up', () => {
    const used = { ...key, uses: { spend: () => false, more: () => Promise.resolve(false) } }
    const mine = arrival('mine', 1, { org: 'o2', connection: 'c2', key: used })
    const { bodies, refused } = sealTogether([mine, arrival('theirs', 2)])
    expect([...refused.keys()]).toEqual([mine])
    expect(bodies.map(texts)).toEqual([[[2, 'theirs']]])
  })
})

test('a queue that hangs answers nobody too late, and frees its place', async () => {
  const { batch, flights, end } = heldQueue()
  const ended = adding(batch, 'a', 'b')
  await expect(batch.add(body('c'))).rejects.toBeInstanceOf(NotConfirmed)
  expect(ended).toEqual({ a: 'late', b: 'late' })
  const later = adding(batch, 'd')
  expect(flights).toEqual([['a'], ['d']])
  await end(1)
  expect(later).toEqual({ d: 'stored' })
})
