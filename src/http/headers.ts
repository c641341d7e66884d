import type { RequestHandler } from 'express'
import helmet from 'helmet'
import type { Resources } from '../resources.ts'
import { Refusal } from '../refusal.ts'

const HSTS_SECONDS = 63_072_000

/** Over https a browser is told to come back that way only, for two years; undefined over http. */
export const strictTransport = (appUrl: string): string | undefined =>
  appUrl.startsWith('https:') ? `max-age=${HSTS_SECONDS}; includeSubDomains` : undefined

/** Headers of every answer. The policy allows nothing inline and nothing from elsewhere. */
export function securityHeaders(appUrl: string): RequestHandler[] {
  const https = appUrl.startsWith('https:')
  const self = ["'self'"]
  return [
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          'default-src': ["'none'"],
          'script-src': self,
          'script-src-attr': ["'none'"],
          'style-src': self,
          'style-src-attr': ["'none'"],
          'img-src': ["'self'", 'data:', 'blob:'],
          'media-src': ["'self'", 'blob:'],
          'font-src': self,
          'connect-src': self,
          'form-action': self,
          'frame-src': self,
          'frame-ancestors': ["'none'"],
          'base-uri': ["'none'"],
          'object-src': ["'none'"],
          'manifest-src': self,
          'worker-src': self,
          ...(https ? { 'upgrade-insecure-requests': [] } : {}),
        },
      },
      strictTransportSecurity: https ? { maxAge: HSTS_SECONDS, includeSubDomains: true } : false,
      crossOriginOpenerPolicy: { policy: 'same-origin' },
      crossOriginResourcePolicy: { policy: 'same-origin' },
      referrerPolicy: { policy: 'same-origin' },
      xFrameOptions: { action: 'deny' },
    }),
    (_req, res, next) => {
      res.set('Permissions-Policy', 'camera=(), microphone=(self), geolocation=(), payment=()')
      res.set('Cache-Control', 'no-store')
      next()
    },
  ]
}

/** What machines ask from within, where no TLS is spoken. */
const INSIDE = /^\/(health\/|metrics$)/
const READS = new Set(['GET', 'HEAD'])

/**
 * Who comes in the clear to a site that is https gets the same page over TLS; what was sent that way is refused, so
 * that nobody goes on sending it. Only the configured proxy's word counts: without one we cannot know how they came.
 */
export function httpsOnly({ config }: Resources): RequestHandler {
  const isHttps = config.APP_URL.startsWith('https:') && config.TRUST_PROXY > 0
  return (req, res, next) => {
    const isPlain = req.get('x-forwarded-proto') !== undefined && req.protocol === 'http'
    if (!isHttps || !isPlain || INSIDE.test(req.path)) return next()
    const path = req.originalUrl.startsWith('/') ? req.originalUrl : '/'
    if (READS.has(req.method)) return res.redirect(308, config.APP_URL + path)
    return next(new Refusal(403, 'https_needed', 'This address takes nothing without TLS.'))
  }
}
