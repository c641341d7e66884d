import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { describeProcess, isProcess } from '../processes.ts'

/**
 * What this process wrote to the wire. `posting` is committed before a request is written, and a process killed
 * between the two leaves a message of which the database alone cannot say whether it went out. One line is put in
 * this file in the tick that writes the first byte: it survives the death of the process (not of the host), so the
 * next process on this machine knows that what has no line was never sent.
 */
export type Journal = {
  wrote(message: string, fence: number): void
  /** Nothing is in flight: what stands here is recorded elsewhere. */
  forget(): void
  close(): void
}

/** The journal of a process that is gone: its name in `outbox.worker`, and what it wrote to the wire. */
export type Legacy = {
  worker: string
  wrote(message: string, fence: number): boolean
  remove(): void
}

const FOLDER = 'posts'
const SUFFIX = '.journal'

/** Throws when the folder cannot be written: then only leases tell, and doubt is the answer to every crash. */
export function openJournal(dataDir: string, worker: string): Journal {
  const folder = path.join(dataDir, FOLDER)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const file = path.join(folder, worker + SUFFIX)
  const fd = openSync(file, 'a', 0o600)
  const owner = `${describeProcess(process.pid)}\n`
  writeSync(fd, owner)
  let lines = 0
  let closed = false
  return {
    wrote(message, fence) {
      writeSync(fd, lineOf(message, fence))
      lines += 1
    },
    forget() {
      if (lines === 0) return
      ftruncateSync(fd, Buffer.byteLength(owner))
      lines = 0
    },
    close() {
      if (closed) return
      closed = true
      closeSync(fd)
      rmSync(file, { force: true })
    },
  }
}

const lineOf = (message: string, fence: number): string => `${message} ${fence}\n`

/** Journals whose process is gone; the ones of living processes are theirs. */
export function findLegacies(dataDir: string): Legacy[] {
  const folder = path.join(dataDir, FOLDER)
  return filesIn(folder).flatMap((name) => {
    const file = path.join(folder, name)
    const [owner = '', ...lines] = readFileSync(file, 'utf8').split('\n')
    if (isProcess(owner)) return []
    const written = new Set(lines)
    return [
      {
        worker: name.slice(0, -SUFFIX.length),
        wrote: (message: string, fence: number) => written.has(lineOf(message, fence).trimEnd()),
        remove: () => rmSync(file, { force: true }),
      },
    ]
  })
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(SUFFIX))
  } catch {
    return []
  }
}
