import type { InboundBody } from '../src/queues.ts'
import { NotConfirmed, openBatch, type Batch } from '../src/webhooks/batch.ts'

/** A queue whose enqueues end when the test says so. */
function heldQueue(limits = {}): {
  batch: Batch
  flights: string[][]
  end(n: number, error?: Error): Promise<void>
} {
  const flights: string[][] = []
  const ends: ((error?: Error) => void)[] = []
  const batch = openBatch(
    (bodies) =>
      new Promise((resolve, reject) => {
        flights.push(bodies.map(({ sealed }) => sealed))
        ends.push((error) => (error ? reject(error) : resolve()))
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
const body = (sealed: string): InboundBody => ({ org: null, connection: null, at: 0, sealed })
/** Add and remember how it ended. */
function adding(batch: Batch, ...names: string[]): Record<string, string> {
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
