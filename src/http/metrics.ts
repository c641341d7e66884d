import type { RequestHandler } from 'express'
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Resources } from '../resources.ts'
import { routeOf } from './request.ts'

/** Numbers about this process, with closed label sets: no id, no address, nobody's data. */
export type Metrics = {
  /** Counts every request that passes; mount it first. */
  count: RequestHandler
  /** One answered request that did not pass `count`. */
  observe(seen: { method: string; route: string; status: number; seconds: number }): void
  contentType: string
  text(): Promise<string>
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

export function openMetrics(on: Resources): Metrics {
  const register = new Registry()
  collectDefaultMetrics({ register, prefix: 'chatflow_' })
  const duration = new Histogram({
    name: 'chatflow_http_request_duration_seconds',
    help: 'Time to the end of the answer, by method, route pattern and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: SECONDS,
    registers: [register],
  })
  watchQueues(on, register)
  return {
    count(req, res, next) {
      const stop = duration.startTimer()
      res.on('finish', () => {
        stop({ method: req.method, route: routeOf(req) ?? 'none', status: res.statusCode })
      })
      next()
    },
    observe({ seconds, ...labels }) {
      duration.observe(labels, seconds)
    },
    contentType: register.contentType,
    text: () => register.metrics(),
  }
}

/** Asked at each scrape; a queue store that is away shows as `up 0`, not as a failed scrape. */
function watchQueues({ queues, log }: Resources, register: Registry): void {
  const up: Gauge = new Gauge({
    name: 'chatflow_queue_up',
    help: 'Whether the queue store answered.',
    registers: [register],
    async collect() {
      up.set(
        await queues.ready().then(
          () => 1,
          () => 0,
        ),
      )
    },
  })
  const jobs: Gauge = new Gauge({
    name: 'chatflow_queue_jobs',
    help: 'Jobs by queue and state.',
    labelNames: ['queue', 'state'],
    registers: [register],
    async collect() {
      jobs.reset()
      const counts = await queues.counts().catch((error: unknown) => {
        log.warn({ err: error }, 'queues not counted')
      })
      for (const [queue, states] of Object.entries(counts ?? {}))
        for (const [state, n] of Object.entries(states)) jobs.set({ queue, state }, n)
    },
  })
}
