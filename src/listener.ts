import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Express } from 'express'
import { createApp } from './app.ts'
import { noteHandshake } from './connections/connections.ts'
import { strictTransport } from './http/headers.ts'
import { openMetrics, type Metrics } from './http/metrics.ts'
import { answerMaintenance } from './http/maintenance.ts'
import type { Resources } from './resources.ts'
import { webhookHandler, type WebhookHandler } from './webhooks/handler.ts'

const WEBHOOKS = '/webhooks/whatsapp'

/** What answers the requests of a web process, and the Express application within it. */
export type Web = { app: Express; answer: RequestListener }

/**
 * Everything goes through Express, except the webhooks that Meta posts: they come in bursts, and Express' own work
 * per request is three quarters of what the whole receiver costs. Both ways reach the same handler.
 */
export function createWeb(on: Resources): Web {
  const metrics = openMetrics(on)
  const webhooks = webhookHandler(on, {
    verified: ({ org, connection }) => noteHandshake(on, org, connection),
  })
  const app = createApp(on, { metrics, webhooks })
  const straight = noted(on, metrics, webhooks)
  return {
    app,
    answer(req, res) {
      if (on.maintenance.isOn() && !req.url?.startsWith('/health/live')) answerMaintenance(req, res)
      else if (isPosted(req)) straight(req, res)
      else app(req, res)
    },
  }
}

const isPosted = ({ method, url = '' }: IncomingMessage): boolean =>
  method === 'POST' && url.startsWith(WEBHOOKS) && (url[WEBHOOKS.length] ?? '/') === '/'

/** One observation per webhook; what was taken is counted, and only what was not is worth a line of the log. */
function noted(on: Resources, metrics: Metrics, handler: WebhookHandler): WebhookHandler {
  const strict = strictTransport(on.config.APP_URL)
  return (req, res) => {
    const started = performance.now()
    if (strict !== undefined) res.setHeader('Strict-Transport-Security', strict)
    res.once('close', () => note(on, metrics, res, performance.now() - started))
    handler(req, res)
  }
}

function note(on: Resources, metrics: Metrics, res: ServerResponse, ms: number): void {
  const seen = { method: 'POST', route: WEBHOOKS, status: res.statusCode }
  if (res.writableFinished) metrics.observe({ ...seen, seconds: ms / 1_000 })
  if (res.writableFinished && res.statusCode === 200) return
  const aborted = res.writableFinished ? {} : { aborted: true }
  on.log.info({ ...seen, ms: Math.round(ms), ...aborted }, 'request')
}
