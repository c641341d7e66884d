import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'
import { clearAlarms, raiseAlarm } from '../ops/alarms.ts'
import type { Resources } from '../resources.ts'
import { LedgerBroken, readLedger, type Line } from './ledger.ts'

/** Any number will do, as long as everybody takes the same one. */
const LOCK = 1_128_679_004
const TAIL_BYTES = 65_536

/** Beside the database and not in it: a database that is set back does not set this back. */
export const ledgerFile = (dataDir: string): string => path.resolve(dataDir, 'deletions.ledger')

/**
 * Bring the file up to what the database says, down to the disk. A file that was altered is set aside and written anew.
 * Throws LedgerBroken when the file knows more than the database: then the database was set back by somebody else, and
 * what was deleted since has to be deleted again first.
 */
export const writeLedgerFile = (on: Resources): Promise<void> =>
  alone(on, async (tx, file) => {
    const tail = await readTail(file)
    if (!tail) return writeAnew(file, await readLedger(tx))
    const [same, ...later] = await readLedger(tx, tail.n)
    if (same?.line === tail.line) return append(file, later, tail.end)
    if (!same && tail.n > 0)
      throw new LedgerBroken('the database is older than the ledger beside it')
    // A number that the database swept away long ago is no alteration, only late.
    if (tail.n === 0 || same?.n === tail.n) await setAside(on, file)
    return writeAnew(file, await readLedger(tx))
  })

/**
 * The daily look. An alarm tells when the file was altered, or when the database was set back by other means than a restore:
 * then it answers false, and what was deleted since waits to be deleted again.
 */
export async function tendLedger(on: Resources, now: Date): Promise<boolean> {
  const isWhole = await writeLedgerFile(on)
    .then(() => mendLedgerFile(on))
    .catch((error: unknown) => {
      if (!(error instanceof LedgerBroken)) throw error
      return false
    })
  const ref = `deletions.ledger ${now.toISOString().slice(0, 10)}`
  if (!isWhole) await raiseAlarm(on, { ...ALARM, ref }, now)
  await clearAlarms(on, { kind: 'ledger', except: isWhole ? [] : [ref], now })
  return isWhole
}

const ALARM = {
  kind: 'ledger',
  stage: 'broken',
  subject: 'The deletion ledger and the database do not agree',
  lines: [
    'Either the file deletions.ledger in DATA_DIR was altered; then it was written anew from the database.',
    'Or the database was set back by other means than `chatflow restore`: then no deletion goes on before those of the ledger are done again. Run `chatflow ledger replay`.',
  ],
}

/**
 * What the sweep took out of the database leaves the file, and a line that is not as it was written is
 * mended from there. Answers false when there was something to mend.
 */
const mendLedgerFile = (on: Resources): Promise<boolean> =>
  alone(on, async (tx, file) => {
    const [known, lines] = [await readLedgerFile(file), await readLedger(tx)]
    const first = lines[0]?.n ?? Infinity
    const swept = known.filter(({ n }) => n >= first)
    const isWhole = swept.every(({ line }, index) => line === lines[index]?.line)
    if (swept.length > lines.length) return false
    if (!isWhole) await setAside(on, file)
    if (!isWhole || swept.length < known.length) await writeAnew(file, lines)
    return isWhole
  })

/** The lines of a ledger's file; an end that was cut off in the middle of a line is left out. */
export async function readLedgerFile(file: string): Promise<Line[]> {
  const text = await readFile(file, 'utf8').catch((error: { code?: string }) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => ({ n: numberOf(line), line }))
}

/** One writer at a time, whichever process. */
const alone = <T>(on: Resources, run: (tx: Tx, file: string) => Promise<T>): Promise<T> =>
  on.db.withSystem(async (tx) => {
    await rows(tx, 'select pg_advisory_xact_lock(?)', [LOCK])
    return run(tx, ledgerFile(on.config.DATA_DIR))
  })

type Tail = Line & { end: number }

/** The last whole line, and where it ends: behind it lies at most what a crash left half written. */
async function readTail(file: string): Promise<Tail | undefined> {
  const handle = await open(file, 'r').catch((error: { code?: string }) => {
    if (error.code !== 'ENOENT') throw error
  })
  if (!handle) return undefined
  try {
    const { size } = await handle.stat()
    const length = Math.min(size, TAIL_BYTES)
    const { buffer } = await handle.read(Buffer.alloc(length), 0, length, size - length)
    const last = buffer.lastIndexOf(10)
    const line = buffer.toString('utf8', buffer.lastIndexOf(10, last - 1) + 1, last)
    return last < 0 ? undefined : { n: numberOf(line), line, end: size - length + last + 1 }
  } finally {
    await handle.close()
  }
}

/** 0 for what is no line of a ledger. */
function numberOf(line: string): number {
  try {
    const { certificate } = JSON.parse(line) as { certificate?: { n?: unknown } }
    return typeof certificate?.n === 'number' ? certificate.n : 0
  } catch {
    return 0
  }
}

async function append(file: string, lines: Line[], end: number): Promise<void> {
  if (lines.length === 0) return
  const handle = await open(file, 'r+')
  try {
    await handle.truncate(end)
    await handle.write(textOf(lines), end)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Whole or not at all. */
async function writeAnew(file: string, lines: Line[]): Promise<void> {
  if (lines.length === 0) return
  const folder = path.dirname(file)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const draft = `${file}.${newId()}`
  try {
    const handle = await open(draft, 'wx', 0o600)
    await handle
      .writeFile(textOf(lines))
      .then(() => handle.sync())
      .finally(() => handle.close())
    await rename(draft, file)
    const directory = await open(folder, 'r')
    await directory.sync().finally(() => directory.close())
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}

const textOf = (lines: Line[]): string => lines.map(({ line }) => `${line}\n`).join('')

async function setAside(on: Resources, file: string): Promise<void> {
  on.log.error({ file: path.basename(file) }, 'the deletion ledger was altered and is written anew')
  await rename(file, `${file}.altered`)
}
