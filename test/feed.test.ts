import { appendFeed, lastSeq, readFeed } from '../src/feed/feed.ts'
import { newId } from '../src/ids.ts'
import { startApp, type Running } from './support/app.ts'
import type { Org } from './support/org.ts'

let app: Running
let org: Org
beforeAll(async () => {
  app = await startApp({ workers: false })
})
afterAll(() => app.stop())
beforeEach(async () => {
  org = await app.org()
})

const append = (n: number, meanwhile = (): Promise<void> => Promise.resolve()): Promise<string[]> =>
  app.on.db.withTenant(org.id, async (tx) => {
    const refs = Array.from({ length: n }, newId)
    await appendFeed(
      tx,
      org.id,
      refs.map((ref) => ({ kind: 'message.received', ref })),
    )
    await meanwhile()
    return refs
  })
const readAll = (after = 0): ReturnType<typeof readFeed> =>
  app.on.db.withTenant(org.id, (tx) => readFeed(tx, org.id, after, 1000))

test('changes are numbered in their order, from 1', async () => {
  const refs = await append(3)
  expect(await readAll()).toMatchObject(
    refs.map((ref_id, n) => ({ seq: n + 1, kind: 'message.received', ref_id })),
  )
  expect(await app.on.db.withTenant(org.id, (tx) => lastSeq(tx, org.id))).toBe(3)
})

test('nothing to append takes no number and returns the last one', async () => {
  await append(2)
  const seq = await app.on.db.withTenant(org.id, (tx) => appendFeed(tx, org.id, []))
  expect(seq).toBe(2)
})

test('what is rolled back leaves no gap', async () => {
  await append(1)
  const failing = append(5, () => Promise.reject(new Error('rolled back')))
  await expect(failing).rejects.toThrow('rolled back')
  await append(1)
  expect((await readAll()).map(({ seq }) => seq)).toEqual([1, 2])
})

test('many writers at once: every number once, and a reader never sees a later number before an earlier one', async () => {
  const seen: number[] = []
  const look = async (): Promise<void> => {
    for (const { seq } of await readAll(seen.at(-1) ?? 0)) seen.push(seq)
  }
  const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  const writers = Array.from({ length: 40 }, (_, n) => append(1 + (n % 4), pause))
  const written = Promise.all(writers)
  while (seen.length < 90) await look()
  await written
  await look()
  expect(seen).toEqual(Array.from({ length: 100 }, (_, n) => n + 1))
})

test('one organization’s numbers are not another’s', async () => {
  await append(2)
  const other = await app.org()
  expect(await app.on.db.withTenant(other.id, (tx) => lastSeq(tx, other.id))).toBe(0)
})
