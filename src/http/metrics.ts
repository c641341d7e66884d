import type { RequestHandler } from 'express'
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client'
import { watchInstance } from '../ops/gauges.ts'
import type { Resources } from '../resources.ts'
import { routeOf } from './request.ts'

/** Numbers about this process and the installation, with closed label sets: no id, no address, nobody's data. */
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
  for (const metric of on.tally.metrics) register.registerMetric(metric)
  watchInstance(on, register)
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
