import { readFile } from 'node:fs/promises'
import path from 'node:path'
import pg from 'pg'
import { ConfigError } from '../config.ts'
import { initialise } from './initdb.ts'
import { databaseUser } from './os-user.ts'
import { hasCluster, makeFolder } from './place.ts'
import { findPostmaster, stopPostmaster, type Postmaster } from './postmaster.ts'
import { waitGone } from '../processes.ts'
import { findPrograms, type Programs } from './programs.ts'
import { launch, type Launch, type Launched } from './server-process.ts'

export type ServerOptions = {
  /** Holds `pg`, the cluster itself; made if missing. The database's user must be able to enter what is above. */
  folder: string
  password: string
  /** `postgres.log` in the folder unless told. */
  logFile?: string
  /** False only in tests: a power cut may then destroy everything. */
  durable?: boolean
  maxConnections?: number
}

export type Server = {
  port: number
  pid: number
  /** `postgres://…` as superuser, without a database's name. */
  url: string
  /** Resolves when the server has ended, whoever ended it. */
  ended: Promise<void>
  stop(): Promise<void>
}

const START_MS = 120_000
const TRIES = 3

/**
 * Start PostgreSQL on loopback with a free port and no socket file, making the cluster first if there is none, or take
 * over the server that a killed start left running. Throws ConfigError when the machine does not let it.
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { folder, password, durable = true, maxConnections = 100 } = options
  const cluster = path.join(folder, 'pg')
  const left = await takeOver(cluster, password)
  if (left) return describe(left, options, waitGone(left.pid, Infinity))
  const user = await databaseUser(cluster)
  await makeFolder(folder, user)
  const programs = await findPrograms(user, folder)
  if (await hasCluster(folder)) await checkVersion(cluster, programs)
  else await initialise({ programs, user, folder, password, durable })
  const logFile = options.logFile ?? path.join(folder, 'postgres.log')
  const given = { programs, user, cluster, logFile, durable, maxConnections }
  const server = await serve(given, password)
  const ended = new Promise<void>((resolve) => server.child.once('exit', () => resolve()))
  return describe({ pid: server.child.pid ?? 0, port: server.port }, options, ended)
}

/** Make the database if it is not there; twice at once is no error. */
export async function ensureDatabase(server: Server, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: `${server.url}/postgres` })
  await client.connect()
  try {
    const found = await client.query('select from pg_database where datname = $1', [name])
    if (found.rowCount === 0) await client.query(`create database ${client.escapeIdentifier(name)}`)
  } finally {
    await client.end()
  }
}

function describe(at: Postmaster, options: ServerOptions, ended: Promise<unknown>): Server {
  return {
    ...at,
    url: address(at.port, options.password),
    ended: ended.then(() => undefined),
    stop: () => stopPostmaster(at.pid, path.join(options.folder, 'pg')),
  }
}

/** A server left behind is used again when it answers, and stopped when it does not. */
async function takeOver(cluster: string, password: string): Promise<Postmaster | undefined> {
  const found = await findPostmaster(cluster)
  if (!found) return undefined
  if ((await knock(found.port, password)) === 'open') return found
  await stopPostmaster(found.pid, cluster)
  return undefined
}

/** Launch until it answers; a port taken in between and the memory of a server just killed deserve another try. */
async function serve(given: Launch, password: string): Promise<Launched> {
  for (let tries = 1; ; tries += 1) {
    const server = await launch(given)
    if (await answers(server, password)) return server
    const said = await server.said()
    if (tries === TRIES || !/Address already in use|shared memory/i.test(said))
      throw new ConfigError(
        `the embedded PostgreSQL does not start (${reason(said)}): see ${given.logFile}`,
      )
    await pause(500)
  }
}

async function answers({ child, port }: Launched, password: string): Promise<boolean> {
  const until = performance.now() + START_MS
  while (child.pid && child.exitCode === null && child.signalCode === null) {
    const door = await knock(port, password)
    if (door === 'open') return true
    if (door === 'locked' || performance.now() > until) {
      child.kill('SIGINT')
      if (door === 'locked')
        throw new ConfigError('DATA_DIR: postgres.password does not open the database beside it')
      return false
    }
    await pause(15)
  }
  return false
}

/** `locked`: the server stands and does not know the password. `shut`: nobody answers, or not yet. */
async function knock(port: number, password: string): Promise<'open' | 'locked' | 'shut'> {
  const client = new pg.Client({
    connectionString: `${address(port, password)}/postgres`,
    connectionTimeoutMillis: 3_000,
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.end()
    return 'open'
  } catch (error) {
    return (error as { code?: string }).code === '28P01' ? 'locked' : 'shut'
  }
}

async function checkVersion(cluster: string, programs: Programs): Promise<void> {
  const made = (await readFile(path.join(cluster, 'PG_VERSION'), 'utf8')).trim()
  const ours = programs.version.split('.')[0]
  if (made !== ours)
    throw new ConfigError(
      `DATA_DIR: the database was made by PostgreSQL ${made} and this version brings ${ours}: move it with pg_dump, or install the version before`,
    )
}

/** The superuser's address of the server on this port, without a database's name. */
export const address = (port: number, password: string): string =>
  `postgres://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}`

function reason(said: string): string {
  const lines = said.split('\n').filter(Boolean)
  const line = lines.findLast((text) => /FATAL|PANIC|error/i.test(text)) ?? lines.at(-1)
  return (line ?? 'it said nothing').replace(/^.*?(FATAL|PANIC): +/, '').slice(0, 200)
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
