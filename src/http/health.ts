import { Router, type Request, type Response } from 'express'
import { sameSecret } from '../ids.ts'
import { pendingMigrations } from '../migrate.ts'
import { within } from '../queues.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import type { Secret } from '../secret.ts'
import { access } from './access.ts'
import type { Metrics } from './metrics.ts'

const PATIENCE_MS = 2_000
const CONTACT_DAYS = 180
const LOOPBACK = /^(::ffff:)?127\.|^::1$/

type Check = () => Promise<unknown>

/**
 * What load balancers, Prometheus and researchers ask. `live`: the process answers. `ready`: pages work.
 * `webhooks`: a webhook can be accepted and kept, which needs no database.
 */
export function healthRoutes(on: Resources, metrics: Metrics): Router {
  const router = Router()
  const queue: Check = () => on.queues.ready()
  const database: Check = () => on.db.ping()
  const migrations = migrationCheck(on)
  const directory: Check = () =>
    on.directory.loaded() ? Promise.resolve() : Promise.reject(new Error('not read yet'))

  router.get('/health/live', access('public'), (_req, res) => void res.json({ status: 'ok' }))
  router.get('/health/ready', access('public'), (_req, res) =>
    report(res, { database, queue, migrations }),
  )
  router.get('/health/webhooks', access('public'), (_req, res) => report(res, { queue, directory }))
  router.get('/metrics', access('public'), async (req, res) => {
    if (!mayScrape(req, on.config.METRICS_TOKEN))
      throw new Refusal(403, 'forbidden', 'Metrics need the bearer token of METRICS_TOKEN.')
    res.type(metrics.contentType).send(await metrics.text())
  })
  router.get('/.well-known/security.txt', access('public'), (_req, res) => {
    res.type('text/plain').send(securityText(on))
  })
  return router
}

/** 200 when all checks hold within two seconds, 503 naming the failing ones otherwise. */
export async function report(res: Response, checks: Record<string, Check>): Promise<void> {
  const results = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => [name, await holds(check)] as const),
  )
  const isWell = results.every(([, well]) => well)
  const words: Record<string, string> = {}
  for (const [name, well] of results) words[name] = well ? 'ok' : 'failing'
  if (!isWell) res.set('Retry-After', '5')
  res.status(isWell ? 200 : 503).json({ status: isWell ? 'ok' : 'unavailable', checks: words })
}

const holds = (check: Check): Promise<boolean> =>
  within(PATIENCE_MS, check()).then(
    () => true,
    () => false,
  )

/** A schema that was complete stays so while the process runs, and asking takes a connection of its own. */
function migrationCheck(on: Resources): Check {
  let complete = false
  return async () => {
    complete ||= (await pendingMigrations(on.config.DATABASE_URL)).length === 0
    if (!complete) throw new Error('migrations pending')
  }
}

/** Behind a proxy on the same machine everybody comes from loopback, so a forwarded request needs the token. */
export function mayScrape(req: Request, token: Secret | undefined): boolean {
  if (token) return sameSecret(req.get('authorization') ?? '', `Bearer ${token.reveal('scrape')}`)
  const isForwarded = req.get('x-forwarded-for') !== undefined || req.get('forwarded') !== undefined
  return !isForwarded && LOOPBACK.test(req.socket.remoteAddress ?? '')
}

/** Source: RFC 9116. */
function securityText(on: Resources): string {
  const { APP_URL, PRIVACY_CONTACT } = on.config
  const expires = new Date(on.now().getTime() + CONTACT_DAYS * 86_400_000)
  return [
    `Contact: mailto:${PRIVACY_CONTACT}`,
    `Expires: ${expires.toISOString()}`,
    'Preferred-Languages: en',
    `Canonical: ${APP_URL}/.well-known/security.txt`,
    `Policy: ${APP_URL}/privacy`,
    '',
  ].join('\n')
}
