import { Router, type Request } from 'express'
import { access, whoOf } from '../http/access.ts'
import { showPage, wantsJson } from '../http/page.ts'
import { viewerOf } from '../http/viewer.ts'
import { timesFor } from '../inbox/page.ts'
import type { Resources } from '../resources.ts'
import { egressToday, readAllDestinations, readDestinations } from './destinations.ts'
import { NOTICE_DAYS } from './notices.ts'
import { listAllObjections, listObjections, objectTo, withdrawObjection } from './objections.ts'
import { listProcessors } from './processors.ts'

const OWN = '/settings/privacy/destinations'
/** The day from which the statement holds: that of the policy it stands in. */
const GPC_SINCE = '2026-02-13'

/**
 * /trust/processors: who gets data, for anybody, as a page or as JSON. What really went out stands under settings for
 * the organization and under /ops for the whole installation.
 */
export function processorRoutes(on: Resources): Router {
  const router = Router()
  router.get('/trust/processors', access('public'), async (req, res) => {
    const [processors, today] = [await listProcessors(on), await egressToday(on)]
    res.vary('Accept')
    if (wantsJson(req)) res.json({ notice_days: NOTICE_DAYS, processors })
    else showPage(res, 'processors/list', { processors, today, noticeDays: NOTICE_DAYS })
  })
  // Source: Global Privacy Control, "GPC Support Resource"; we sell nothing, so the answer is the same for everybody.
  router.get('/.well-known/gpc.json', access('public'), (_req, res) => {
    res.json({ gpc: true, lastUpdate: GPC_SINCE })
  })
  router.get(OWN, access('admin'), async (req, res) => {
    const { org } = whoOf(req)
    showPage(res, 'processors/own', {
      destinations: await readDestinations(on, org),
      objections: await listObjections(on, org),
      processors: await listProcessors(on),
      times: timesFor(viewerOf(on, req)),
    })
  })
  router.post(`${OWN}/:processor/objection`, access('admin'), async (req, res) => {
    await objectTo(on, whoOf(req), idIn(req))
    res.redirect(303, `${OWN}#processors`)
  })
  router.post(`${OWN}/:processor/acceptance`, access('admin'), async (req, res) => {
    await withdrawObjection(on, whoOf(req), idIn(req))
    res.redirect(303, `${OWN}#processors`)
  })
  router.get('/ops/destinations', access('ops'), async (req, res) => {
    showPage(res, 'processors/ops', {
      destinations: await readAllDestinations(on),
      objections: await listAllObjections(on),
      times: timesFor(viewerOf(on, req)),
    })
  })
  return router
}

const idIn = (req: Request): string => (req.params as { processor: string }).processor
