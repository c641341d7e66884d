import { Router, type Request, type Response } from 'express'
import { access } from '../http/access.ts'
import { showPage } from '../http/page.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { inventoryRoutes } from './inventory-routes.ts'
import { hasBegun, inWords, openPolicy, type Policy } from './policy-versions.ts'
import { blocksOf } from './policy.ts'
import { privacySettingsRoutes } from './settings-routes.ts'

/** The policy and its versions, its settings, and the data inventory. */
export function privacyRoutes(on: Resources): Router {
  const router = Router()
  router.use(policyRoutes(on))
  router.use(inventoryRoutes(on))
  router.use(privacySettingsRoutes(on))
  return router
}

/**
 * GET /privacy: the policy in force verbatim, as a page or, for `Accept: text/plain`, as its very bytes;
 * /privacy/versions names all versions, /privacy/:version answers one of them.
 */
export function policyRoutes(on: Resources, policy: Policy = openPolicy()): Router {
  const router = Router()
  const show = (req: Request, res: Response, id: string): void => {
    const text = policy.textOf(id)
    if (text === undefined)
      throw new Refusal(404, 'not_found', 'There is no version of the privacy policy by this name.')
    res.vary('Accept')
    if (req.accepts(['html', 'text']) === 'text') res.type('text/plain').send(text)
    else
      showPage(res, 'privacy/policy', {
        blocks: blocksOf(text),
        isAddressed: text.includes(on.config.PRIVACY_CONTACT),
      })
  }
  router.get('/privacy', access('public'), (req, res) =>
    show(req, res, policy.inForce(on.now()).id),
  )
  router.get('/privacy/versions', access('public'), (_req, res) =>
    showPage(res, 'privacy/versions', { versions: listOf(policy, on.now()) }),
  )
  router.get('/privacy/:version', access('public'), (req: Request<{ version: string }>, res) =>
    show(req, res, req.params.version),
  )
  return router
}

/** The newest first, each with what it is at `now`. */
function listOf(policy: Policy, now: Date): object[] {
  const current = policy.inForce(now)
  return policy.versions.toReversed().map((version) => ({
    version,
    date: inWords(version.effectiveOn),
    state: stateOf(version === current, hasBegun(version, now)),
  }))
}

function stateOf(isCurrent: boolean, begun: boolean): string {
  if (isCurrent) return 'In force'
  return begun ? 'Earlier' : 'To come'
}
