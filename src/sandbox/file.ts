import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Log } from '../log.ts'
import { Kept, type Line } from './state.ts'

/**
 * The lines as they were kept, or none. A file that cannot be understood is put aside, not overwritten:
 * it holds the secrets of a connection.
 */
export function readLines(file: string, log: Log): Line[] {
  try {
    return Kept.parse(JSON.parse(readFileSync(file, 'utf8'))).lines
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return []
    log.warn({ err: error }, 'the state of the sandbox could not be read and was put aside')
    renameSync(file, `${file}.bad`)
    return []
  }
}

/** Written beside and renamed, so that a crash leaves the old state or the new one. */
export function keepLines(file: string, lines: Line[]): void {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
  writeFileSync(`${file}.new`, JSON.stringify({ version: 1, lines }), { mode: 0o600 })
  renameSync(`${file}.new`, file)
}
