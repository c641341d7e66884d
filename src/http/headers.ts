import type { RequestHandler } from 'express'
import helmet from 'helmet'

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
      strictTransportSecurity: https ? { maxAge: 63_072_000, includeSubDomains: true } : false,
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
