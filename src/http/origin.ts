import type { RequestHandler } from 'express'
import { Refusal } from '../refusal.ts'

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * No cross-site writes, without tokens in forms: the browser says where a request comes from.
 * `Sec-Fetch-Site: same-origin` passes; anything else it says is refused, a sibling subdomain too. Browsers that do
 * not say it (plain http on a name) must send our very Origin. Bearer keys and signed webhooks carry no cookie
 * and are exempt by that, not by their path.
 * Two header names only; the compared origin is configured, never taken from `Host`.
 */
export function sameOrigin(appUrl: string, hasCookie: (cookie: string) => boolean): RequestHandler {
  const own = new URL(appUrl).origin
  return (req, _res, next) => {
    if (SAFE.has(req.method) || (req.get('authorization') && !hasCookie(req.get('cookie') ?? '')))
      return next()
    const site = req.get('sec-fetch-site')
    const allowed = site === undefined ? req.get('origin') === own : site === 'same-origin'
    return allowed
      ? next()
      : next(new Refusal(403, 'cross_site', 'This request did not come from a page of this CRM.'))
  }
}
