import { randomBytes } from 'node:crypto'
import { link, readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { codeOf, readIfThere, writeNew } from './files.ts'
import { seeProcess } from '../processes.ts'

/** Who uses a DATA_DIR: `start` runs the product, `command` a CLI command that started the database for itself. */
export type Holder = { pid: number; started: string; kind: 'start' | 'command' }

export type Lock = { release(): Promise<void> }

/** Another living process has the lock. */
export class Held extends Error {
  readonly holder: Holder
  constructor(holder: Holder) {
    super(`held by process ${holder.pid}`)
    this.holder = holder
  }
}

const NAME = /^lock\.(\d{1,15})$/
type Entry = { number: number; holder: Holder | undefined }

/**
 * Take the exclusive lock of a DATA_DIR; throws Held when a living process has it.
 *
 * The lock is the file `lock.<n>` with the highest number. A dead holder's lock is never removed before its
 * successor exists: whoever takes over makes number n+1, which only one process can, and looks again
 * whether it is the highest. Removing first would let two starts each remove the other's fresh lock.
 */
export async function takeLock(folder: string, kind: Holder['kind']): Promise<Lock> {
  for (;;) {
    const last = await highest(folder)
    if (last?.holder && isHolding(last.holder)) throw new Held(last.holder)
    const number = (last?.number ?? 0) + 1
    const mine = path.join(folder, `lock.${number}`)
    if (!(await claim(mine, kind))) continue
    const now = await highest(folder)
    if (now?.number === number) {
      await removeBelow(folder, number)
      return { release: () => rm(mine, { force: true }) }
    }
    await rm(mine, { force: true })
  }
}

/** The living process that has the lock, or undefined. */
export async function holderOf(folder: string): Promise<Holder | undefined> {
  const last = await highest(folder)
  return last?.holder && isHolding(last.holder) ? last.holder : undefined
}

function isHolding(holder: Holder): boolean {
  const seen = seeProcess(holder.pid)
  return seen !== undefined && !seen.zombie && seen.started === holder.started
}

/** The lock appears whole or not at all: written under another name, then linked. */
async function claim(file: string, kind: Holder['kind']): Promise<boolean> {
  const started = seeProcess(process.pid)?.started ?? ''
  const draft = `${file}.${randomBytes(6).toString('hex')}`
  await writeNew(draft, JSON.stringify({ pid: process.pid, started, kind } satisfies Holder))
  try {
    await link(draft, file)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  } finally {
    await rm(draft, { force: true })
  }
}

async function highest(folder: string): Promise<Entry | undefined> {
  const numbers = (await lockNumbers(folder)).toSorted((a, b) => b - a)
  for (const number of numbers) {
    const text = await readIfThere(path.join(folder, `lock.${number}`))
    if (text !== undefined) return { number, holder: parse(text) }
  }
  return undefined
}

async function lockNumbers(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  })
  return names.flatMap((name) => NAME.exec(name)?.[1] ?? []).map(Number)
}

async function removeBelow(folder: string, number: number): Promise<void> {
  for (const old of await lockNumbers(folder))
    if (old < number) await rm(path.join(folder, `lock.${old}`), { force: true })
}

/** A lock that cannot be read was not written by us and holds nothing. */
function parse(text: string): Holder | undefined {
  try {
    const { pid, started, kind } = JSON.parse(text) as Partial<Holder>
    if (typeof pid !== 'number' || typeof started !== 'string') return undefined
    return { pid, started, kind: kind === 'command' ? 'command' : 'start' }
  } catch {
    return undefined
  }
}
