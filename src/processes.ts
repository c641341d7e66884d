import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** A process as the system sees it. `started` tells two processes of one pid apart, also across reboots. */
export type Seen = { started: string; command: string; zombie: boolean }

/** The process of this number, or undefined when there is none that we may see. */
export function seeProcess(pid: number): Seen | undefined {
  if (!Number.isSafeInteger(pid) || pid < 1) return undefined
  try {
    return process.platform === 'linux' ? fromProc(pid) : fromPs(pid)
  } catch {
    return undefined
  }
}

/** Resolves true once the process is gone (a zombie counts as gone), false after `ms` milliseconds. */
export async function waitGone(pid: number, ms: number): Promise<boolean> {
  const until = performance.now() + ms
  while (isAlive(pid)) {
    if (performance.now() > until) return false
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return true
}

export function isAlive(pid: number): boolean {
  const seen = seeProcess(pid)
  return seen !== undefined && !seen.zombie
}

/** Fields behind the command's closing bracket: state first, start time in ticks since boot twentieth. Source: proc_pid_stat(5). */
function fromProc(pid: number): Seen {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
  return {
    started: `${boot}:${fields[19]}`,
    command,
    zombie: fields[0] === 'Z' || fields[0] === 'X',
  }
}

function fromPs(pid: number): Seen {
  const ask = (field: string): string =>
    execFileSync('ps', ['-o', `${field}=`, '-p', String(pid)], { encoding: 'utf8' }).trim()
  return { started: ask('lstart'), command: ask('command'), zombie: ask('state').startsWith('Z') }
}

/** One line that names a process beyond its number, for a file that outlives it; '' where the system does not tell. */
export function describeProcess(pid: number): string {
  const seen = seeProcess(pid)
  return seen ? `${pid} ${seen.started}` : ''
}

/** Whether the process of such a line still runs. */
export function isProcess(line: string): boolean {
  const pid = Number.parseInt(line, 10)
  const seen = seeProcess(pid)
  return seen !== undefined && !seen.zombie && `${pid} ${seen.started}` === line
}
