import { rm } from 'node:fs/promises'
import path from 'node:path'
import { readIfThere, writeWhole } from './files.ts'

/** What a running instance tells commands beside it. No secret: the password lies in its own file. */
export type Running = {
  pid: number
  /** Of the web server; 0 while it is not chosen yet. */
  port: number
  address: string
  databasePort: number
}

const fileIn = (folder: string): string => path.join(folder, 'running.json')

export const writeRunning = (folder: string, running: Running): Promise<void> =>
  writeWhole(fileIn(folder), `${JSON.stringify(running)}\n`)

export const removeRunning = (folder: string): Promise<void> => rm(fileIn(folder), { force: true })

/** What the process `pid` wrote, or undefined: a file left behind by another process counts as none. */
export async function readRunning(folder: string, pid: number): Promise<Running | undefined> {
  try {
    const running = JSON.parse((await readIfThere(fileIn(folder))) ?? '{}') as Partial<Running>
    return running.pid === pid && running.databasePort ? (running as Running) : undefined
  } catch {
    return undefined
  }
}
