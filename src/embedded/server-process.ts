import { spawn, type ChildProcess } from 'node:child_process'
import { open, readFile, stat, truncate } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import type { OsUser } from './os-user.ts'
import { PLAIN_ENV, type Programs } from './programs.ts'

export type Launch = {
  programs: Programs
  user: OsUser | undefined
  cluster: string
  logFile: string
  durable: boolean
  maxConnections: number
}

/** A server that was launched on a port; `said` gives what it wrote to the log since, for the reason of a failure. */
export type Launched = { child: ChildProcess; port: number; said(): Promise<string> }

const LOG_BYTES = 1_048_576

/**
 * Launch PostgreSQL itself and not through pg_ctl: that would put the folder's name through a shell, and the server
 * would be a stranger whose end nobody notices. It gets a session of its own, so that a Ctrl-C meant
 * for us does not end it before the workers are done.
 */
export async function launch(given: Launch): Promise<Launched> {
  const port = await freePort()
  const from = await startOfLog(given.logFile)
  const log = await open(given.logFile, 'a', 0o600)
  try {
    const child = spawn(given.programs.postgres, ['-D', given.cluster, ...settings(given, port)], {
      cwd: '/',
      env: PLAIN_ENV,
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      ...given.user,
    })
    child.on('error', () => undefined)
    child.unref()
    const said = async (): Promise<string> =>
      (await readFile(given.logFile)).subarray(from).toString()
    return { child, port, said }
  } finally {
    await log.close()
  }
}

/** The log keeps no row values: PostgreSQL's details, statements and parameters quote them. */
function settings({ durable, maxConnections }: Launch, port: number): string[] {
  const safe = durable ? 'on' : 'off'
  const values = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    fsync: safe,
    synchronous_commit: safe,
    full_page_writes: safe,
    // With `minimal`, a sequence that a crash hits early gives its first numbers once more.
    wal_level: durable ? 'replica' : 'minimal',
    max_wal_senders: 0,
    // An old file of the log is removed and not used again with what was written in it.
    wal_recycle: 'off',
    max_connections: maxConnections,
    shared_buffers: '64MB',
    // One small installation: what serves big ones costs memory while idle.
    jit: 'off',
    io_workers: 1,
    max_logical_replication_workers: 0,
    log_min_messages: 'log',
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    log_parameter_max_length: 0,
    log_parameter_max_length_on_error: 0,
    log_checkpoints: 'off',
  }
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

/** Where this run's lines begin; a log past one megabyte begins anew. */
async function startOfLog(file: string): Promise<number> {
  const size = await stat(file).then(
    (facts) => facts.size,
    () => 0,
  )
  if (size < LOG_BYTES) return size
  await truncate(file)
  return 0
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => resolve(port))
    })
  })
}
