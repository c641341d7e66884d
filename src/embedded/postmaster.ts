import { rm } from 'node:fs/promises'
import path from 'node:path'
import { readIfThere } from './files.ts'
import { isAlive, seeProcess, waitGone } from '../processes.ts'

/** A running database server, ours or left behind by a start that was killed. */
export type Postmaster = { pid: number; port: number }

/**
 * The server that still runs on this cluster, or undefined. A `postmaster.pid` that names no process, a zombie or some
 * other program is removed: a killed server can stay a zombie until the init process collects it, and PostgreSQL
 * would then refuse to start because another server "might be running".
 */
export async function findPostmaster(cluster: string): Promise<Postmaster | undefined> {
  const file = path.join(cluster, 'postmaster.pid')
  const text = await readIfThere(file)
  if (text === undefined) return undefined
  // Lines: pid, data folder, start time, port, socket folder, listen address, shared memory, state.
  const [pid, , , port] = text.split('\n').map(Number)
  if (pid && isServing(pid, cluster)) return { pid, port: port || 0 }
  await rm(file, { force: true })
  return undefined
}

/** Fast shutdown (sessions are ended, data written), then immediate (data is recovered at the next start). */
export async function stopPostmaster(pid: number, cluster: string): Promise<void> {
  for (const [signal, ms] of [
    ['SIGINT', 10_000],
    ['SIGQUIT', 5_000],
  ] as const) {
    if (!isServing(pid, cluster)) return
    process.kill(pid, signal)
    if (await waitGone(pid, ms)) return
  }
  throw new Error(`database process ${pid} does not end`)
}

/** The number alone proves nothing, because pids are used again: the command line must name this folder. */
function isServing(pid: number, cluster: string): boolean {
  return isAlive(pid) && (seeProcess(pid)?.command.includes(cluster) ?? false)
}
