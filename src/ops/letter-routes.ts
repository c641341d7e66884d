import { Router, type Request } from 'express'
import { byPerson, type AuditActor } from '../audit/audit.ts'
import { access, whoOf } from '../http/access.ts'
import { showPage } from '../http/page.ts'
import { viewerOf } from '../http/viewer.ts'
import { isId } from '../ids.ts'
import { timesFor } from '../inbox/page.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { discardDeadLetter, listDeadLetters, showDeadLetter } from './dead-letters.ts'
import { replayDeadLetter } from './replay.ts'

const LETTERS = '/ops/dead-letters'
const SHOWN = 100

/** Webhooks that could not be stored: what they are, and what an operator does with them. */
export function letterRoutes(on: Resources): Router {
  const router = Router()
  router.get(LETTERS, access('ops'), async (req, res) => {
    const letters = await listDeadLetters(on, { limit: SHOWN })
    showPage(res, 'ops/dead-letters', { letters, times: timesFor(viewerOf(on, req)) })
  })
  router.get(`${LETTERS}/:id`, access('ops'), async (req, res) => {
    const letter = await showDeadLetter(on, idOf(req))
    showPage(res, 'ops/dead-letter', { letter, times: timesFor(viewerOf(on, req)) })
  })
  router.post(`${LETTERS}/:id/replay`, access('ops'), async (req, res) => {
    await replayDeadLetter(on, idOf(req), operatorOf(req))
    res.redirect(303, LETTERS)
  })
  router.post(`${LETTERS}/:id/removal`, access('ops'), async (req, res) => {
    await discardDeadLetter(on, idOf(req), operatorOf(req))
    res.redirect(303, LETTERS)
  })
  return router
}

/** Whoever operates the installation is no member of the organization a letter belongs to. */
const operatorOf = (req: Request): AuditActor => ({ ...byPerson(whoOf(req)), kind: 'operator' })

function idOf(req: Request): string {
  const { id } = req.params as { id: string }
  if (!isId(id)) throw notFound('dead letter')
  return id
}
