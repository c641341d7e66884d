import type { Db } from './db.ts'
import type { Events } from './events.ts'
import type { Log } from './log.ts'

/** Whether a backup is being restored: then pages and webhooks answer 503 and workers rest. */
export type Maintenance = {
  isOn(): boolean
  /** Called with each change. */
  watch(changed: (isOn: boolean) => void): void
  refresh(): Promise<void>
  close(): void
}

const REFRESH_MS = 5_000

/**
 * Asked of the database at the start, when a restore tells of itself, and every five seconds. A database that does not
 * answer changes nothing: webhooks go on while it is away. That nobody works on restored data before its deletions were done
 * again does not rest on this: the database itself lets nobody in.
 */
export function openMaintenance(db: Db, events: Events, log: Log): Maintenance {
  const watchers: ((isOn: boolean) => void)[] = []
  let isOn = false
  const refresh = async (): Promise<void> => {
    const before = isOn
    isOn = !(await db.isOpen())
    if (isOn === before) return
    log.warn({ maintenance: isOn }, isOn ? 'a backup is being restored' : 'the restore is over')
    for (const changed of watchers) changed(isOn)
  }
  const quietly = (): void =>
    void refresh().catch((error: unknown) => log.warn({ err: error }, 'maintenance not known'))
  const timer = setInterval(quietly, REFRESH_MS).unref()
  const leave = events.subscribe(({ kind }) => {
    if (kind === 'maintenance') quietly()
  })
  return {
    isOn: () => isOn,
    watch: (changed) => void watchers.push(changed),
    refresh,
    close() {
      clearInterval(timer)
      leave()
    },
  }
}
