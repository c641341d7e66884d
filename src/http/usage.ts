import type { Request, RequestHandler, Response } from 'express'
import type { Resources } from '../resources.ts'
import { openCollector } from '../usage/collecting.ts'
import { featureOf, type Seen } from '../usage/events.ts'
import { wantsFragment } from './page.ts'
import { routeOf } from './request.ts'

/**
 * Notes, once an answer is out, which page a signed-in person saw or which feature they used: the pattern of the
 * route, never the address. A browser that asks not to be watched is not.
 */
export function countUse(on: Resources): RequestHandler {
  const collector = openCollector(on)
  return (req, res, next) => {
    const { who } = req
    if (who && !asksForPrivacy(req) && !isAhead(req))
      res.on('finish', () => {
        const use = useOf(req, res)
        if (use) collector.note({ ...use, org: who.org, user: who.user, at: on.now().getTime() })
      })
    next()
  }
}

/** Global Privacy Control and its forerunner count as an objection. Source: promise P15. */
export const asksForPrivacy = (req: Request): boolean =>
  req.get('sec-gpc') === '1' || req.get('dnt') === '1'

/** What a browser fetches ahead nobody looked at. */
const isAhead = (req: Request): boolean => (req.get('sec-purpose') ?? '').includes('prefetch')

function useOf(req: Request, res: Response): Pick<Seen, 'page' | 'feature'> | undefined {
  const page = routeOf(req)
  if (page === undefined || res.statusCode >= 400) return undefined
  if (req.method === 'POST') {
    const feature = featureOf(page)
    return feature === undefined ? undefined : { page, feature }
  }
  return isWholePage(req, res) ? { page, feature: null } : undefined
}

const isWholePage = (req: Request, res: Response): boolean =>
  req.method === 'GET' &&
  res.statusCode === 200 &&
  !wantsFragment(req) &&
  String(res.get('content-type')).startsWith('text/html')
