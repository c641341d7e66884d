import type { RequestListener } from 'node:http'
import express from 'express'
import { BEAT_MS } from '../ops/pulse.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { access } from './access.ts'
import { mayScrape, report } from './health.ts'
import { openMetrics } from './metrics.ts'

/** Three heartbeats that should have come through and did not. */
const DEAF_MS = 3 * BEAT_MS

/**
 * What a worker process answers where METRICS_PORT is set: whether it lives, whether it takes jobs from each of its
 * queues, and its own numbers. `ready` needs a heartbeat through every queue, not only a worker that says it runs.
 */
export function createMonitor(on: Resources): RequestListener {
  const metrics = openMetrics(on)
  const app = express()
  app.disable('x-powered-by')
  app.get('/health/live', access('public'), (_req, res) => void res.json({ status: 'ok' }))
  app.get('/health/ready', access('public'), (_req, res) =>
    report(res, {
      database: () => on.db.ping(),
      queue: () => on.queues.ready(),
      heartbeat: () => checkBeats(on),
    }),
  )
  app.get('/metrics', access('public'), async (req, res) => {
    if (mayScrape(req, on.config.METRICS_TOKEN))
      res.type(metrics.contentType).send(await metrics.text())
    else res.status(403).json({ status: 'forbidden' })
  })
  return app
}

function checkBeats({ queues }: Resources): Promise<void> {
  const ages = Object.values(queues.beats()).map((at) => Date.now() - (at?.getTime() ?? 0))
  return ages.every((age) => age < DEAF_MS)
    ? Promise.resolve()
    : Promise.reject(new Refusal(503, 'deaf', 'A queue is not worked at.'))
}
