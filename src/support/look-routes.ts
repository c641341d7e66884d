import { Router, type Request, type Response } from 'express'
import { byPerson, type AuditActor } from '../audit/audit.ts'
import { access, whoOf } from '../http/access.ts'
import { showPage } from '../http/page.ts'
import { idIn, viewerOf } from '../http/viewer.ts'
import { timesFor } from '../inbox/page.ts'
import type { Resources } from '../resources.ts'
import { listGranted } from './access.ts'
import { lookAtConversation, lookAtConversations, lookAtOverview, type Seen } from './look.ts'

const HOME = '/ops/organizations'

/** /ops/organizations: what an owner lets operators look at, to read only. Each page leaves a line in their audit log. */
export function lookRoutes(on: Resources): Router {
  const router = Router()
  router.get(HOME, access('ops'), async (req, res) => {
    const times = timesFor(viewerOf(on, req))
    showPage(res, 'support/organizations', { granted: await listGranted(on), times })
  })
  const show = (req: Request, res: Response, view: string, seen: Seen<unknown>): void => {
    const model = { ...seen, org: orgOf(req), times: timesFor(viewerOf(on, req)) }
    showPage(res, view, model)
  }
  router.get(`${HOME}/:org`, access('ops'), async (req, res) => {
    show(req, res, 'support/look', await lookAtOverview(on, orgOf(req), operatorOf(req)))
  })
  router.get(`${HOME}/:org/conversations`, access('ops'), async (req, res) => {
    const seen = await lookAtConversations(on, orgOf(req), operatorOf(req))
    show(req, res, 'support/look-conversations', seen)
  })
  router.get(`${HOME}/:org/conversations/:id`, access('ops'), async (req, res) => {
    const at = { org: orgOf(req), conversation: idIn(req.params['id'] as string, 'conversation') }
    const seen = await lookAtConversation(on, at, operatorOf(req))
    show(req, res, 'support/look-conversation', seen)
  })
  return router
}

const orgOf = (req: Request): string => idIn(req.params['org'] as string, 'organization')

const operatorOf = (req: Request): AuditActor => ({ ...byPerson(whoOf(req)), kind: 'operator' })
