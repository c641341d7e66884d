import { Router, type Request, type Response } from 'express'
import { z } from 'zod'
import { access, whoOf } from '../http/access.ts'
import { EMPTY, inForm, type Shown } from '../http/form-page.ts'
import { readForm } from '../http/forms.ts'
import { showPage } from '../http/page.ts'
import { idIn, viewerOf } from '../http/viewer.ts'
import { timesFor } from '../inbox/page.ts'
import type { Resources } from '../resources.ts'
import { countDisclosures } from './counts.ts'
import { certificateFor, decide } from './decide.ts'
import {
  approve,
  ASKS,
  DECISIONS,
  decisionsOn,
  isApproved,
  listDisclosures,
  readDisclosure,
  recordRequest,
} from './disclosures.ts'
import { holdsOf, releaseHold } from './holds.ts'
import { makePackage } from './package.ts'
import { tellOrganizations } from './telling.ts'

const HOME = '/ops/disclosures'
const text = (missing: string) =>
  z.string(missing).trim().min(1, missing).max(2_000, 'Use at most 2,000 characters.')
const DAY = /^\d{4}-\d\d-\d\d$/
const day = z
  .string('Enter a day.')
  .regex(DAY, 'Enter a day.')
  .transform((given) => new Date(`${given}T00:00:00Z`))
  .refine((at) => !Number.isNaN(at.getTime()), 'Enter a day.')
const RequestForm = z.object({
  asks: z.enum(ASKS, 'Choose what is asked.').default('handing_over'),
  about_org: z.uuid('Enter the id of the organization.'),
  contact: z.uuid('Enter the id of the contact.'),
  from: day,
  until: day,
  received_at: day,
  authority: text('Enter who asks.'),
  legal_basis: text('Enter what it stands on.'),
  gag_until: z.union([z.literal('').transform(() => null), day]).default(null),
})
const DecisionForm = z.object({
  decision: z.enum(DECISIONS, 'Choose a decision.'),
  reasons: text('Write the reasons.'),
  challenged: z
    .string()
    .trim()
    .max(2_000)
    .default('')
    .transform((given) => given || null),
  hold_until: z.union([z.literal('').transform(() => null), day]).default(null),
})

/** /ops/disclosures: what authorities ask for. Nothing leaves unless two different people stand for it. */
export function disclosureRoutes(on: Resources): Router {
  const router = Router()
  const list = async (req: Request, res: Response, shown: Shown): Promise<void> => {
    const [disclosures, counts] = [await listDisclosures(on), await countDisclosures(on)]
    const times = timesFor(viewerOf(on, req))
    showPage(res, 'disclosures/index', { ...shown, disclosures, counts, times })
  }
  router.get(HOME, access('ops'), (req, res) => list(req, res, EMPTY))
  router.post(
    HOME,
    access('ops', { sudo: true }),
    inForm(list, async (req, res) => {
      const { contact, from, until, ...asked } = readForm(RequestForm, req)
      const scope = { contact, from: from.toISOString(), until: until.toISOString() }
      res.redirect(303, `${HOME}/${await recordRequest(on, { ...asked, scope })}`)
    }),
  )
  oneRoutes(router, on)
  return router
}

type Show = (req: Request, res: Response, shown: Shown) => Promise<void>

function oneRoutes(router: Router, on: Resources): void {
  const show: Show = async (req, res, shown) => {
    const disclosure = await readDisclosure(on, idOf(req))
    const isMine = disclosure.approved_by.includes(whoOf(req).user)
    const times = timesFor(viewerOf(on, req))
    const model = {
      disclosure,
      isMine,
      isReady: isApproved(disclosure),
      times,
      decisions: decisionsOn(disclosure.asks),
      holds: await holdsOf(on, disclosure.id),
      certificate: await certificateFor(on, disclosure),
    }
    showPage(res, 'disclosures/show', { ...shown, ...model })
  }
  router.get(`${HOME}/:id`, access('ops'), (req, res) => show(req, res, EMPTY))
  router.post(
    `${HOME}/:id/approval`,
    access('ops', { sudo: true }),
    inForm(show, async (req, res) => {
      await approve(on, idOf(req), whoOf(req).user)
      res.redirect(303, `${HOME}/${idOf(req)}`)
    }),
  )
  router.post(
    `${HOME}/:id/decision`,
    access('ops', { sudo: true }),
    inForm(show, async (req, res) => {
      const { hold_until: until, ...decided } = readForm(DecisionForm, req)
      const hold = until ? { hold: { until, by: whoOf(req).user } } : {}
      await decide(on, idOf(req), { ...decided, ...hold })
      await tellOrganizations(on, on.now())
      res.redirect(303, `${HOME}/${idOf(req)}`)
    }),
  )
  afterwards(router, on, show)
}

/** What follows from a decision. */
function afterwards(router: Router, on: Resources, show: Show): void {
  router.post(
    `${HOME}/:id/release`,
    access('ops', { sudo: true }),
    inForm(show, async (req, res) => {
      await releaseHold(on, idOf(req), whoOf(req).user)
      res.redirect(303, `${HOME}/${idOf(req)}`)
    }),
  )
  router.post(
    `${HOME}/:id/package`,
    access('ops', { sudo: true }),
    inForm(show, async (req, res) => {
      const bytes = await makePackage(on, idOf(req))
      res
        .attachment(`disclosure-${idOf(req)}.zip`)
        .type('application/zip')
        .send(bytes)
    }),
  )
}

const idOf = (req: Request): string => idIn(req.params['id'] as string, 'disclosure')
