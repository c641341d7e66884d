import { Router } from 'express'
import type { Resources } from '../resources.ts'
import { contactRoutes } from './contact-routes.ts'
import { opsRightsRoutes } from './ops-routes.ts'
import { orgRightsRoutes } from './org-routes.ts'
import { ownRightsRoutes } from './own-routes.ts'

/** The rights desk: the public form and receipt, an organization's requests, and the operators'. */
export function rightsRoutes(on: Resources): Router {
  const router = Router()
  router.use(contactRoutes(on))
  router.use(ownRightsRoutes(on))
  router.use(orgRightsRoutes(on))
  router.use(opsRightsRoutes(on))
  return router
}
