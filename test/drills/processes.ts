import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { Redis } from 'ioredis'
import { ROOT } from '../../src/root.ts'
import { programOf } from '../support/programs.ts'
import { until } from '../support/until.ts'

export type Env = Record<string, string>
export type Product = {
  url: string
  cli(args: string[], stdin?: object): Promise<Record<string, unknown>>
  killWorker(): Promise<void>
  startWorker(): void
  /** Of the worker that runs now. */
  workerPid(): number
  killWeb(): Promise<void>
  startWeb(): void
  stop(): Promise<void>
}

/** How an entry is run: as tests do, or as production does. */
export type Made = 'source' | 'build'
const commandOf = (made: Made, entry: string): string[] =>
  made === 'source'
    ? programOf(`src/${entry}.ts`)
    : ['--enable-source-maps', `build/src/${entry}.js`]

/** The three commands of the Procfile as processes of their own. */
export async function startProduct(env: Env, made: Made = 'source'): Promise<Product> {
  const port = await freePort()
  const dataDir = await mkdtemp(path.join(os.tmpdir(), 'chatflow-drill-'))
  const all: Env = {
    ...env,
    DATA_DIR: dataDir,
    PORT: String(port),
    HOST: '127.0.0.1',
    APP_URL: `http://127.0.0.1:${port}`,
  }
  const started: ChildProcess[] = []
  const start = (entry: string): ChildProcess => {
    const child = spawn(process.execPath, commandOf(made, entry), {
      cwd: ROOT,
      env: { ...baseEnv(), ...all },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    started.push(child)
    return child
  }
  const cli = (args: string[], stdin?: object): Promise<Record<string, unknown>> =>
    runCli([...commandOf(made, 'cli'), ...args], { ...baseEnv(), ...all }, stdin)
  await cli(['migrate'])
  let web = start('web')
  let worker = start('worker')
  const url = `http://127.0.0.1:${port}`
  await until(async () => (await fetch(`${url}/health/ready`)).ok, 30_000)
  return {
    url,
    cli,
    async killWorker() {
      worker.kill('SIGKILL')
      await until(() => worker.signalCode !== null)
    },
    startWorker() {
      worker = start('worker')
    },
    workerPid: () => worker.pid ?? 0,
    async killWeb() {
      web.kill('SIGKILL')
      await until(() => web.signalCode !== null)
    },
    startWeb() {
      web = start('web')
    },
    async stop() {
      for (const child of started) child.kill('SIGKILL')
      await until(() =>
        started.every((child) => child.signalCode !== null || child.exitCode !== null),
      )
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

/** Only what a process needs to run at all: a test's own variables would leak into the product. */
const baseEnv = (): Env => ({
  PATH: process.env['PATH'] ?? '',
  HOME: process.env['HOME'] ?? '',
  LOG_LEVEL: 'error',
  CHATFLOW_MASTER_KEY: `drill:${randomKey}`,
})
const randomKey = randomBytes(32).toString('base64')

function runCli(args: string[], env: Env, stdin?: object): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    let out = ''
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
    child.on('close', (code) =>
      code === 0
        ? resolve(JSON.parse(out) as Record<string, unknown>)
        : reject(new Error(`${args.join(' ')}: exit ${code} ${out}`)),
    )
    child.stdin.end(stdin ? JSON.stringify(stdin) : '')
  })
}

export type OwnRedis = {
  url: string
  stop(): Promise<void>
  start(): Promise<void>
  remove(): Promise<void>
}

/** True where a Redis of our own can be started; CI must have one, a newcomer's machine need not. */
export function hasRedisServer(): boolean {
  const has = spawnSync('redis-server', ['--version']).status === 0
  if (!has && process.env['CI'] === 'true') throw new Error('CI needs redis-server')
  if (!has)
    process.stdout.write('No redis-server found: drills with a Redis of their own are left out.\n')
  return has
}

/** A Redis of our own that may be stopped, with its append-only file on. */
export async function startRedis(): Promise<OwnRedis> {
  const port = await freePort()
  const folder = await mkdtemp(path.join(os.tmpdir(), 'chatflow-redis-'))
  const url = `redis://127.0.0.1:${port}`
  const settings = { port, bind: '127.0.0.1', dir: folder, appendonly: 'yes', save: '' }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
  let child: ChildProcess | undefined
  const start = async (): Promise<void> => {
    child = spawn('redis-server', args, { stdio: 'ignore' })
    await until(() => answers(url))
  }
  const stop = async (): Promise<void> => {
    const running = child
    running?.kill('SIGKILL')
    await until(() => !running || running.signalCode !== null || running.exitCode !== null)
  }
  await start()
  return {
    url,
    start,
    stop,
    async remove() {
      await stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function answers(url: string): Promise<boolean> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null })
  client.on('error', () => undefined)
  const connected = await client.connect().then(
    () => true,
    () => false,
  )
  client.disconnect()
  return connected
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo
      server.close(() => resolve(port))
    })
  })
}
