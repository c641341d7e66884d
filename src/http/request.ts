import type { Request, RequestHandler } from 'express'
import { newId } from '../ids.ts'
import type { Log } from '../log.ts'

/** A proxy's id is kept when it is one; anything else could forge log lines. */
const GIVEN = /^[A-Za-z0-9-]{8,64}$/

/**
 * Gives each request an id and a log of its own, and writes one line at its end: method, route pattern, status,
 * milliseconds. Never the address: it may hold a search text or a one-time code.
 */
export function requestLog(log: Log): RequestHandler {
  return (req, res, next) => {
    const given = req.get('x-request-id') ?? ''
    req.id = GIVEN.test(given) ? given : newId()
    req.log = log.child({ request: req.id })
    res.set('X-Request-Id', req.id)
    const started = performance.now()
    res.on('close', () => {
      req.log.info(
        {
          method: req.method,
          route: routeOf(req),
          status: res.statusCode,
          ms: Math.round(performance.now() - started),
          ...(res.writableFinished ? {} : { aborted: true }),
        },
        'request',
      )
    })
    next()
  }
}

/** The pattern of the route that answered, with ids in a mounted path taken out; undefined when none did. */
export function routeOf(req: Request): string | undefined {
  const path = (req.route as { path?: unknown } | undefined)?.path
  const pattern: unknown = Array.isArray(path) ? path[0] : path
  return typeof pattern === 'string'
    ? req.baseUrl.replace(/[0-9a-f-]{36}/g, ':id') + pattern
    : undefined
}
