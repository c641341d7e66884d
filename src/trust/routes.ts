import { Router, type Express } from 'express'
import { access, whoOf } from '../http/access.ts'
import { showPage } from '../http/page.ts'
import { surfacesOf } from '../http/surfaces.ts'
import { viewerOf } from '../http/viewer.ts'
import { timesFor } from '../inbox/page.ts'
import { manifest } from '../privacy/manifest.ts'
import type { Resources } from '../resources.ts'
import { openMeasuring, signEvidence, worst, type Evidence } from './evidence.ts'
import { GROUPS, measure, type Group, type Measured } from './figure.ts'
import { listSent, ownFigures } from './own.ts'
import { readReport, standings } from './report.ts'

/** /trust and /trust.json: what was measured, when and how; /trust/surfaces.json: every way in. Public, without a session, a script or anybody's name. */
export function trustRoutes(on: Resources, measuring = openMeasuring(on)): Router {
  const router = Router()
  router.get('/trust', access('public'), async (_req, res) => {
    const evidence = await measuring.read()
    const promised = standings(await readReport(on).catch(() => undefined))
    const rules = Object.values(manifest.retention).map(({ says }) => says)
    showPage(res, 'trust/index', { ...pageOf(evidence), promised, rules })
  })
  router.get('/trust.json', access('public'), async (_req, res) => {
    res.json(signEvidence(on, await measuring.read()))
  })
  router.get('/trust/surfaces.json', access('public'), (req, res) => {
    res.json(surfacesOf(req.app as Express))
  })
  router.get('/settings/privacy/trust', access('admin'), async (req, res) => {
    const { org } = whoOf(req)
    const figures: Measured[] = []
    for (const figure of ownFigures(org)) figures.push(await measure(on, figure))
    const whole = pageOf(await measuring.read())
    const own = pageOf({ at: on.now(), figures, isLast: false })
    const times = timesFor(viewerOf(on, req))
    showPage(res, 'trust/own', { own, whole, sent: await listSent(on, org), times })
  })
  return router
}

/** The figures by their groups, as the page shows them. */
export const pageOf = ({ at, figures, isLast }: Evidence) => ({
  at,
  isLast,
  state: worst(figures),
  groups: (Object.entries(GROUPS) as [Group, string][])
    .map(([id, title]) => ({ id, title, figures: figures.filter(({ group }) => group === id) }))
    .filter((group) => group.figures.length > 0),
})
