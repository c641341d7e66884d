import type { Request, Response, Router } from 'express'
import { z } from 'zod'
import { byPerson, type AuditActor } from '../audit/audit.ts'
import { access, whoOf, type Level } from '../http/access.ts'
import { EMPTY, inForm, type Shown } from '../http/form-page.ts'
import { readForm } from '../http/forms.ts'
import { showPage } from '../http/page.ts'
import { idIn, viewerOf } from '../http/viewer.ts'
import { timesFor } from '../inbox/page.ts'
import type { Resources } from '../resources.ts'
import { KINDS as RESTRICTIONS } from '../restrictions/gate.ts'
import { GROUND_WORDS, KIND_WORDS } from '../restrictions/words.ts'
import { readCase } from './case.ts'
import { carryOut } from './erase.ts'
import { restrictFor } from './restrict.ts'
import { StepForm, takeStep } from './step-form.ts'
import { OUTCOMES, PROOFS, REFUSALS, SAYS, STEPS } from './vocabulary.ts'

/** One of the two desks: where its pages are, who may sit there, and whose requests lie on it. */
export type DeskPages = {
  home: string
  level: Level
  org(req: Request): string | null
  by(req: Request): AuditActor
}

export const OPS_DESK: DeskPages = {
  home: '/ops/rights',
  level: 'ops',
  org: () => null,
  // Whoever operates the installation acts for no organization.
  by: (req) => ({ ...byPerson(whoOf(req)), kind: 'operator' }),
}
export const ORG_DESK: DeskPages = {
  home: '/settings/privacy/contacts',
  level: 'admin',
  org: (req) => whoOf(req).org,
  by: (req) => byPerson(whoOf(req)),
}

/** The page of one request and what can be done there; the same at both desks. */
export function caseRoutes(router: Router, on: Resources, desk: DeskPages): void {
  const { home, level } = desk
  const idOf = (req: Request): string => idIn(req.params['id'] as string, 'request')
  const at = (req: Request) => ({ org: desk.org(req), id: idOf(req), by: desk.by(req) })
  const show = async (req: Request, res: Response, shown: Shown): Promise<void> => {
    const found = await readCase(on, desk.org(req), idOf(req))
    showPage(res, 'rights/case', {
      ...shown,
      ...found,
      ...WORDS,
      home,
      isOps: desk.level === 'ops',
      times: timesFor(viewerOf(on, req)),
    })
  }
  router.get(`${home}/:id`, access(level), (req, res) => show(req, res, EMPTY))
  router.post(
    `${home}/:id/steps`,
    access(level),
    inForm(show, async (req, res) => {
      await takeStep(on, at(req), readForm(StepForm, req), whoOf(req).orgName)
      res.redirect(303, `${home}/${idOf(req)}`)
    }),
  )
  router.post(
    `${home}/:id/deletion`,
    access(level, { sudo: true }),
    inForm(show, async (req, res) => {
      await carryOut(on, at(req))
      res.redirect(303, `${home}/${idOf(req)}`)
    }),
  )
}

/** What a customer objected to, put in force from the request's own page; an account does that for itself. */
export function restrictionRoutes(router: Router, on: Resources): void {
  const { home } = ORG_DESK
  router.post(`${home}/:id/restriction`, access('admin'), async (req, res) => {
    const id = idIn(req.params['id'] as string, 'request')
    const wish = readForm(RestrictionForm, req)
    await restrictFor(on, { org: whoOf(req).org, id, by: ORG_DESK.by(req) }, wish)
    res.redirect(303, `${home}/${id}`)
  })
}

const RestrictionForm = z.object({
  kind: z.enum(RESTRICTIONS),
  ground: z.enum(['accuracy', 'unlawful', 'claim', 'objection', 'wish']).default('objection'),
})

const WORDS = {
  says: SAYS,
  stepWords: STEPS,
  proofs: PROOFS,
  refusals: REFUSALS,
  outcomes: OUTCOMES,
  restrictions: Object.entries(KIND_WORDS),
  grounds: Object.entries(GROUND_WORDS),
}
