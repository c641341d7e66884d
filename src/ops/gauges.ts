import { Gauge, type Registry } from 'prom-client'
import { within } from '../queues.ts'
import type { Resources } from '../resources.ts'
import { SPECS } from './gauge-specs.ts'
import { FRESH_MS, readInstance, type Reading } from './reading.ts'

const PATIENCE_MS = 3_000

/**
 * What the installation looks like, asked at each scrape and shared with the pages of /ops. Every process tells the same
 * of it, so a query over several takes the maximum, not the sum. Without the database only `up` gauges are told.
 */
export function watchInstance(on: Resources, register: Registry): void {
  const read = (): Promise<Reading | undefined> =>
    within(PATIENCE_MS, readInstance(on, FRESH_MS)).catch(() => undefined)
  for (const { name, help, labels = [], values } of SPECS) {
    const gauge: Gauge = new Gauge({
      name,
      help,
      labelNames: labels,
      registers: [register],
      async collect() {
        gauge.reset()
        // Without labels a reset would tell 0, which is a value too.
        if (labels.length === 0) gauge.remove()
        const reading = await read()
        for (const { labels: of = {}, value } of reading ? values(reading, on) : [])
          gauge.set(of, value)
      },
    })
  }
  watchStores(on, register)
}

/** Asked themselves, so that a store that is away shows as 0 and not as a failed scrape. */
function watchStores({ queues, db }: Resources, register: Registry): void {
  const up = (name: string, help: string, ask: () => Promise<unknown>): void => {
    const gauge: Gauge = new Gauge({
      name,
      help,
      registers: [register],
      collect: async () =>
        gauge.set(
          await within(PATIENCE_MS, ask()).then(
            () => 1,
            () => 0,
          ),
        ),
    })
  }
  up('chatflow_queue_up', 'Whether the queue store answered.', () => queues.ready())
  up('chatflow_database_up', 'Whether the database answered.', () => db.ping())
  const pool: Gauge = new Gauge({
    name: 'chatflow_database_connections',
    help: 'Connections of this process, and how many wait for one.',
    labelNames: ['state'],
    registers: [register],
    collect() {
      for (const [state, n] of Object.entries(db.pool())) pool.set({ state }, n)
    },
  })
}
