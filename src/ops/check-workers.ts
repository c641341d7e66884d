import { createConnection } from 'node:net'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import type { Config } from '../config.ts'
import { openDb } from '../db.ts'
import { fail, ok, warn, type Check } from './check.ts'
import { readProcesses } from './processes.ts'

const PATIENCE_MS = 3_000
const DEAF_S = 90

/** Whether processes run and take jobs from their queues. The schema must be up to date. */
export async function checkWorkers({ DATABASE_URL }: Pick<Config, 'DATABASE_URL'>): Promise<Check> {
  const db = openDb(DATABASE_URL, 1)
  try {
    const { processes } = await db.withSystem(readProcesses)
    const living = processes.filter(({ isGone }) => !isGone)
    const workers = living.filter(({ kind }) => kind !== 'web')
    if (workers.length === 0)
      return warn('workers', 'no worker process runs', 'start one: webhooks are kept and wait')
    const deaf = workers.flatMap(({ beats }) =>
      Object.entries(beats).flatMap(([queue, age]) => ((age ?? 0) > DEAF_S ? [queue] : [])),
    )
    const detail = `${living.length} processes, ${workers.length} with workers`
    if (deaf.length === 0) return ok('workers', detail)
    return fail('workers', `${detail}; nothing comes through ${deaf.join(', ')}`, 'restart them')
  } catch (error) {
    const { code = 'unknown error' } = error as { code?: string }
    return fail('workers', `not read (${code})`, 'see what is said of the database')
  } finally {
    await db.close()
  }
}

/** Whether the mail server lets us connect; nothing is said to it. */
export async function checkMailServer({ SMTP_URL }: Pick<Config, 'SMTP_URL'>): Promise<Check[]> {
  if (!SMTP_URL) return []
  const { hostname, port, protocol } = new URL(SMTP_URL.reveal('send_mail'))
  const at = Number(port) || (protocol === 'smtps:' ? 465 : 587)
  const code = await knock(hostname, at)
  return code === undefined
    ? [ok('mail-server', 'the mail server takes connections')]
    : [
        fail(
          'mail-server',
          `the mail server cannot be reached (${code})`,
          'correct SMTP_URL or allow outgoing connections to it',
        ),
      ]
}

function knock(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port, timeout: PATIENCE_MS })
    const end = (code: string | undefined): void => {
      socket.destroy()
      resolve(code)
    }
    socket.once('connect', () => end(undefined))
    socket.once('timeout', () => end('timeout'))
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? 'unknown'))
  })
}

/** Keys lie in DATA_DIR: nobody else on the machine may look into it. */
export async function checkFolder({ DATA_DIR }: Pick<Config, 'DATA_DIR'>): Promise<Check[]> {
  const folder = path.resolve(DATA_DIR)
  const found = await stat(folder).catch(() => undefined)
  if (!found || process.platform === 'win32') return []
  const open = found.mode & 0o077
  return open === 0
    ? [ok('data-dir', 'nobody else may look into DATA_DIR')]
    : [warn('data-dir', `others may look into ${folder}`, `chmod 700 ${folder}`)]
}
