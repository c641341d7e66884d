import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { programOf } from './programs.ts'
import { until } from './until.ts'

const ROOT = path.join(import.meta.dirname, '../..')

/** The product as an operator starts it: a process of its own. */
export type Product = {
  child: ChildProcess
  stdout(): string
  stderr(): string
  /** Resolves with the exit code. */
  ended: Promise<number | null>
}

/** Run one of the entries with this environment and nothing of ours in it. */
export function run(
  entry: string,
  args: string[],
  { env = {} }: { env?: Record<string, string> } = {},
): Product {
  const child = spawn(process.execPath, [...programOf(`src/${entry}`), ...args], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], HOME: os.tmpdir(), LOG_LEVEL: 'warn', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => (stdout += String(chunk)))
  child.stderr.on('data', (chunk) => (stderr += String(chunk)))
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return { child, stdout: () => stdout, stderr: () => stderr, ended }
}

/** A start that has printed where it is. */
export async function start(env: Record<string, string>): Promise<Product> {
  const product = run('start.ts', [], { env })
  const isReady = until(() => product.stdout().includes('is ready at'), 60_000)
  const early = product.ended.then(() => {
    throw new Error(`ended: ${product.stderr()}`)
  })
  await Promise.race([isReady, early])
  return product
}

/** One CLI command; `stdin` undefined leaves the pipe open and empty. */
export async function chatflow(
  args: string[],
  env: Record<string, string>,
  stdin?: string,
): Promise<{ code: number | null; result: Record<string, unknown>; stderr: string }> {
  const command = run('cli.ts', args, { env })
  if (stdin !== undefined) command.child.stdin?.end(stdin)
  const code = await command.ended
  const lines = command.stdout().trimEnd().split('\n')
  if (lines.length !== 1) throw new Error(`not one document: ${command.stdout()}`)
  const result = JSON.parse(lines[0] ?? '') as Record<string, unknown>
  return { code, result, stderr: command.stderr() }
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => resolve(port))
    })
  })
}

/** A folder that can hold a DATA_DIR (it does not exist yet) and goes with everything that was started in it. */
export function newHome(name = 'data'): { dataDir: string; remove(): void } {
  const home = mkdtempSync(path.join(os.tmpdir(), 'chatflow-home-'))
  // The database's own user must be able to come through.
  spawnSync('chmod', ['755', home])
  const dataDir = path.join(home, name)
  return {
    dataDir,
    remove() {
      for (const { pid } of processesIn(dataDir)) process.kill(pid, 'SIGKILL')
      rmSync(home, { recursive: true, force: true })
    },
  }
}

/** Living processes whose command line names the folder. */
export function processesIn(folder: string): { pid: number; command: string }[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,stat=,args='], { encoding: 'utf8' })
  return stdout.split('\n').flatMap((line) => {
    const [, pid, stat = '', command = ''] = /^\s*(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? []
    return command.includes(folder) && !stat.startsWith('Z') ? [{ pid: Number(pid), command }] : []
  })
}

/** The database's process, as it noted itself. */
export function databasePid(dataDir: string): number {
  return Number(readFileSync(path.join(dataDir, 'pg/postmaster.pid'), 'utf8').split('\n')[0])
}
