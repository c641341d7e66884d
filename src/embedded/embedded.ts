import path from 'node:path'
import { completeConfig, ConfigError, type Config, type Variables } from '../config.ts'
import { Secret } from '../secret.ts'
import { address, ensureDatabase, startServer, type Server } from './cluster.ts'
import { openKeys, readKeys, type EmbeddedKeys } from './keys.ts'
import { Held, holderOf, takeLock, type Holder, type Lock } from './lock.ts'
import { databaseUser } from './os-user.ts'
import { hasCluster, openDataDir, placeOf } from './place.ts'
import { readRunning, removeRunning, writeRunning } from './running.ts'

/** What an embedded instance stands on, in the terms of the configuration. */
export type Embedded = {
  dataDir: string
  /** Where the database lies; usually DATA_DIR. */
  place: string
  databaseUrl: string
  masterKey: string
  sessionSecret: string
  /** False beside an instance that runs in another process. */
  isOurs: boolean
  /** Of the web server of the running instance; undefined when none was announced. */
  port: number | undefined
  /** Resolves when the database has ended, whoever ended it; never when it belongs to another process. */
  ended: Promise<void>
  /** Tell commands, and a second start, where the product answers. */
  announce(port: number, address: string): Promise<void>
  /** Stop the database and give DATA_DIR free, if this process holds it. */
  close(): Promise<void>
}

const DATABASE = 'chatflow'
const PATIENCE_MS = 30_000
const UNSAFE = /[\0\r\n]/

/** Open DATA_DIR for the product itself; throws ConfigError when another start uses it. */
export async function openEmbedded(variables: Variables): Promise<Embedded> {
  const dataDir = await dataDirOf(variables)
  const until = performance.now() + PATIENCE_MS
  for (;;) {
    try {
      const lock = await takeLock(dataDir, 'start')
      return await open(dataDir, lock, variables.CHATFLOW_MASTER_KEY)
    } catch (error) {
      if (!(error instanceof Held)) throw error
      // A command that started the database for itself is done in a moment.
      if (error.holder.kind === 'start' || performance.now() > until)
        throw await alreadyRunning(dataDir, error.holder)
      await pause(100)
    }
  }
}

/** Use the running instance's database, or start it for one command when nothing runs. */
export async function joinEmbedded(variables: Variables): Promise<Embedded> {
  const dataDir = await dataDirOf(variables)
  const until = performance.now() + PATIENCE_MS
  for (;;) {
    const holder = await holderOf(dataDir)
    const running = holder && (await readRunning(dataDir, holder.pid))
    if (holder?.kind === 'start' && running)
      return beside(dataDir, running, variables.CHATFLOW_MASTER_KEY)
    if (!holder) {
      const lock = await takeLock(dataDir, 'command').catch((error: unknown) => {
        if (error instanceof Held) return undefined
        throw error
      })
      if (lock) return open(dataDir, lock, variables.CHATFLOW_MASTER_KEY)
    }
    if (holder && performance.now() > until) throw await alreadyRunning(dataDir, holder)
    await pause(50)
  }
}

/** The configuration of a process that stands on this instance. */
export function embeddedConfig(variables: Variables, embedded: Embedded): Config {
  const { databaseUrl, masterKey, sessionSecret, port } = embedded
  return completeConfig(
    {
      ...variables,
      SESSION_SECRET: variables.SESSION_SECRET ?? new Secret(sessionSecret, 'sign_cookies'),
    },
    { databaseUrl, masterKey, ...(port ? { port } : {}) },
  )
}

async function dataDirOf(variables: Variables): Promise<string> {
  const folder = path.resolve(variables.DATA_DIR)
  if (UNSAFE.test(folder)) throw new ConfigError('DATA_DIR may not contain line breaks')
  return openDataDir(folder, await databaseUser(path.join(folder, 'pg')))
}

async function open(dataDir: string, lock: Lock, masterKey: string | undefined): Promise<Embedded> {
  let server: Server | undefined
  const close = async (): Promise<void> => {
    await server?.stop()
    await removeRunning(dataDir)
    await lock.release()
  }
  try {
    const place = await placeOf(dataDir, await databaseUser(path.join(dataDir, 'pg')))
    const keys = await openKeys(dataDir, { databaseExists: await hasCluster(place), masterKey })
    server = await startServer({
      folder: place,
      password: keys.databasePassword,
      logFile: path.join(dataDir, 'postgres.log'),
    })
    await ensureDatabase(server, DATABASE)
    const databasePort = server.port
    return {
      ...whole(dataDir, keys, databasePort),
      place,
      isOurs: true,
      port: undefined,
      ended: server.ended,
      announce: (port, at) =>
        writeRunning(dataDir, { pid: process.pid, port, address: at, databasePort }),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function beside(
  dataDir: string,
  running: { port: number; databasePort: number },
  masterKey: string | undefined,
): Promise<Embedded> {
  return {
    ...whole(dataDir, await readKeys(dataDir, masterKey), running.databasePort),
    place: dataDir,
    isOurs: false,
    port: running.port,
    ended: new Promise(() => undefined),
    announce: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
}

function whole(
  dataDir: string,
  keys: EmbeddedKeys,
  databasePort: number,
): Pick<Embedded, 'dataDir' | 'databaseUrl' | 'masterKey' | 'sessionSecret'> {
  return {
    dataDir,
    databaseUrl: `${address(databasePort, keys.databasePassword)}/${DATABASE}`,
    masterKey: keys.masterKey,
    sessionSecret: keys.sessionSecret,
  }
}

async function alreadyRunning(dataDir: string, holder: Holder): Promise<ConfigError> {
  if (holder.kind === 'command')
    return new ConfigError(`DATA_DIR: a command (process ${holder.pid}) uses ${dataDir}`)
  const running = await readRunning(dataDir, holder.pid)
  const where = running ? `at ${running.address}` : `as process ${holder.pid}`
  return new ConfigError(`already running ${where}`)
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
