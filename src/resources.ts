import pg from 'pg'
import type { Config } from './config.ts'
import { DOORS, openDb, type Db, type Doors } from './db.ts'
import { openDirectory, type Directory } from './directory.ts'
import { openEgress, type Egress } from './egress.ts'
import { openEgressLog } from './egress-log.ts'
import { openEvents, type Events } from './events.ts'
import { openKeys, type OrgKeys } from './keys.ts'
import { openLog, type Log } from './log.ts'
import { openMaintenance, type Maintenance } from './maintenance.ts'
import { checkRedis } from './redis.ts'
import { openQueues, type Queues } from './queues.ts'
import { openTally, type Tally } from './tally.ts'
import { openVault, type Vault } from './vault.ts'

/** Everything the product stands on, built once and handed in: no part of it is a global. */
export type Resources = {
  config: Config
  log: Log
  tally: Tally
  db: Db
  /** As `cf_system`, for libraries that bring their own statements (sessions, throttles). */
  pool: pg.Pool
  vault: Vault
  keys: OrgKeys
  queues: Queues
  events: Events
  directory: Directory
  egress: Egress
  maintenance: Maintenance
  now(): Date
  close(): Promise<void>
}

export type Given = { log?: Log; now?: () => Date; queuePrefix?: string; doors?: Doors }

/**
 * Open all resources in the order they need each other; `close` ends them in reverse.
 * A Redis or PostgreSQL that is away does not stop it: readiness tells, and webhooks answer 503.
 */
export async function openResources(config: Config, given: Given = {}): Promise<Resources> {
  const log = given.log ?? openLog(config.LOG_LEVEL)
  if (config.REDIS_URL) await checkRedis(config, log)
  const doors = given.doors ?? DOORS
  const db = openDb(config.DATABASE_URL, config.DATABASE_POOL, doors)
  const pool = openPool(config.DATABASE_URL, doors, log)
  const vault = openVault(config.masterKeys)
  const tally = openTally()
  const queues = openQueues(config, { log, tally, prefix: given.queuePrefix })
  // The first webhook should not be the one that pays for connecting.
  await queues.ready().catch((error: unknown) => log.warn({ err: error }, 'queue not ready yet'))
  const events = await openEvents(config, log, given.queuePrefix)
  const maintenance = openMaintenance(db, events, log)
  maintenance.watch((isOn) => queues.rest(isOn))
  await maintenance
    .refresh()
    .catch((error: unknown) => log.warn({ err: error }, 'maintenance not known'))
  const directory = openDirectory(db, vault, events, log)
  await directory
    .refresh()
    .catch((error: unknown) => log.warn({ err: error }, 'connections not read yet'))
  const now = given.now ?? (() => new Date())
  const egressLog = openEgressLog(db, log)
  const egress = openEgress(config, { now, note: egressLog.note })
  return {
    config,
    log,
    tally,
    db,
    pool,
    vault,
    keys: openKeys(vault, events),
    queues,
    events,
    directory,
    egress,
    maintenance,
    now,
    async close() {
      directory.close()
      maintenance.close()
      await queues.close()
      await egress.close()
      await egressLog.close()
      await events.close()
      await pool.end()
      await db.close()
    },
  }
}

function openPool(url: string, { system }: Doors, log: Log): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    options: `-c role=${system} -c search_path=app,public`,
    max: 4,
    connectionTimeoutMillis: 3_000,
    statement_timeout: 5_000,
  })
  pool.on('error', (error) => log.warn({ err: error }, 'system pool'))
  return pool
}
