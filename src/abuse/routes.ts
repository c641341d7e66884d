import { Router, type Request } from 'express'
import { z } from 'zod'
import { rankOf } from '../accounts/roles.ts'
import { byPerson } from '../audit/audit.ts'
import { access, whoOf } from '../http/access.ts'
import { readForm } from '../http/forms.ts'
import { showPage } from '../http/page.ts'
import { viewerOf } from '../http/viewer.ts'
import { isId } from '../ids.ts'
import { timesFor } from '../inbox/page.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { appealFinding, decideFinding, listForReview } from './findings.ts'

const REVIEW = '/ops/findings'
const DecisionForm = z.object({ outcome: z.enum(['lifted', 'kept']) })

/** Appeals of those it is about, and the page on which an operator decides. */
export function abuseRoutes(on: Resources): Router {
  const router = Router()
  router.post('/settings/security/findings/:id/appeal', access('user'), async (req, res) => {
    const { org, user, role } = whoOf(req)
    await appealFinding(on, { org, user, isAdmin: rankOf(role) >= rankOf('admin') }, idOf(req))
    res.redirect(303, '/settings/security#findings')
  })
  router.get(REVIEW, access('ops'), async (req, res) => {
    const times = timesFor(viewerOf(on, req))
    showPage(res, 'abuse/review', { findings: await listForReview(on), now: on.now(), times })
  })
  router.post(`${REVIEW}/:id/decision`, access('ops'), async (req, res) => {
    const { outcome } = readForm(DecisionForm, req)
    const by = { ...byPerson(whoOf(req)), kind: 'operator' as const }
    await decideFinding(on, { id: idOf(req), outcome, by })
    res.redirect(303, REVIEW)
  })
  return router
}

function idOf(req: Request): string {
  const { id } = req.params as { id: string }
  if (!isId(id)) throw notFound('finding')
  return id
}
