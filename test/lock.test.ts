import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Held, holderOf, takeLock } from '../src/embedded/lock.ts'

let folder: string
beforeEach(() => (folder = mkdtempSync(path.join(os.tmpdir(), 'chatflow-lock-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A holder whose number is somebody else's by now: this process, which began at another time. */
const leaveBehind = (number: number): void =>
  writeFileSync(
    path.join(folder, `lock.${number}`),
    JSON.stringify({ pid: process.pid, started: 'before', kind: 'start' }),
  )

test('the lock of a living process is held until it is released', async () => {
  const lock = await takeLock(folder, 'start')
  expect(await holderOf(folder)).toMatchObject({ pid: process.pid, kind: 'start' })
  await expect(takeLock(folder, 'command')).rejects.toBeInstanceOf(Held)

  await lock.release()
  expect(await holderOf(folder)).toBeUndefined()
  expect(readdirSync(folder)).toEqual([])
})

test('what a dead process or somebody else left is taken over and cleared away', async () => {
  leaveBehind(3)
  writeFileSync(path.join(folder, 'lock.2'), 'nonsense')
  expect(await holderOf(folder)).toBeUndefined()
  await takeLock(folder, 'start')
  expect(readdirSync(folder)).toEqual(['lock.4'])
})

test('of many who take over a dead lock at once exactly one has it', async () => {
  for (let round = 0; round < 30; round += 1) {
    leaveBehind(1)
    // Not in step, so that a slow one acts on what it saw before a fast one was done.
    const takers = Array.from({ length: 12 }, async (_, i) => {
      await new Promise((resolve) => setTimeout(resolve, i / 3))
      return takeLock(folder, 'start')
    })
    const outcomes = await Promise.allSettled(takers)
    const won = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    expect(won).toHaveLength(1)
    expect(readdirSync(folder)).toHaveLength(1)
    await won[0]?.release()
  }
})
