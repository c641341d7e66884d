import { Router } from 'express'
import { access } from '../http/access.ts'
import { showPage } from '../http/page.ts'
import type { Resources } from '../resources.ts'
import { blocksOf, policyText } from './policy.ts'
import { privacySettingsRoutes } from './settings-routes.ts'

/** GET /privacy: the policy verbatim, as a page or, for `Accept: text/plain`, as its very bytes; and its settings. */
export function privacyRoutes(on: Resources): Router {
  const router = Router()
  const text = policyText()
  const blocks = blocksOf(text)
  router.get('/privacy', access('public'), (req, res) => {
    res.vary('Accept')
    if (req.accepts(['html', 'text']) === 'text') res.type('text/plain').send(text)
    else showPage(res, 'privacy/policy', { blocks })
  })
  router.use(privacySettingsRoutes(on))
  return router
}
