import pg from 'pg'
import type { Config } from './config.ts'
import { DOORS, openDb, type Db, type Doors } from './db.ts'
import { openDirectory, type Directory } from './directory.ts'
import { openEgress, type Egress } from './egress.ts'
import { openEgressLog } from './egress-log.ts'
import { openEvents, type Events } from './events.ts'
import { openMeter, type Meter, type SealLimits } from './key-usage.ts'
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

export type Given = {
  log?: Log
  now?: () => Date
  queuePrefix?: string
  doors?: Doors
  seals?: SealLimits
}

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
  const meter = openMeter(pool, log, given.seals)
  const vault = openVault(config.masterKeys, meter.usesOf)
  const tally = openTally()
  const queues = openQueues(config, { log, tally, prefix: given.queuePrefix })
  // The first webhook should not be the one that pays for connecting.
  await or(log, queues.ready(), 'queue not ready yet')
  const events = await openEvents(config, log, given.queuePrefix)
  const maintenance = openMaintenance(db, events, log)
  maintenance.watch((isOn) => queues.rest(isOn))
  await or(log, maintenance.refresh(), 'maintenance not known')
  const directory = openDirectory({ db, vault, meter, events, log })
  await or(log, directory.refresh(), 'connections not read yet')
  await provideOwn(vault, meter, log)
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
    keys: openKeys({ vault, events, db, meter }),
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

/** Uses of the key that seals for the installation itself, most of which is sealed without waiting. */
async function provideOwn({ instance }: Vault, meter: Meter, log: Log): Promise<void> {
  const first = instance.slice(0, 1).map(({ id: kid }) => ({ org: null, kid }))
  await or(log, meter.provide(first), 'no uses of the master key yet')
}

type Missing =
  | 'queue not ready yet'
  | 'maintenance not known'
  | 'connections not read yet'
  | 'no uses of the master key yet'

/** What is away now is found again later: the start goes on, and says what is missing. */
const or = (log: Log, work: Promise<unknown>, missing: Missing): Promise<unknown> =>
  work.catch((error: unknown) => log.warn({ err: error }, missing))

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
