import { Router, type Request, type Response } from 'express'
import { z } from 'zod'
import { byPerson, type AuditActor } from '../audit/audit.ts'
import { access, whoOf } from '../http/access.ts'
import { EMPTY, inForm, type Shown } from '../http/form-page.ts'
import { readForm } from '../http/forms.ts'
import { showPage } from '../http/page.ts'
import { idIn, viewerOf } from '../http/viewer.ts'
import { timesFor } from '../inbox/page.ts'
import type { Resources } from '../resources.ts'
import { AUTHORITY_HOURS, ORGS_HOURS } from './clock.ts'
import {
  account,
  closeIncident,
  EXPOSED,
  KINDS,
  listIncidents,
  missingIn,
  openIncident,
  readIncident,
} from './incidents.ts'
import { draftOf, sendNotice } from './notices.ts'
import { noteReach, showReach } from './reach.ts'
import { listSignals } from './signals.ts'

const HOME = '/ops/incidents'
const text = (missing: string) =>
  z.string(missing).trim().min(1, missing).max(4_000, 'Use at most 4,000 characters.')
const maybe = z
  .string()
  .trim()
  .max(4_000, 'Use at most 4,000 characters.')
  .default('')
  .transform((given) => given || null)
/** As a browser sends it, and taken as UTC. */
const moment = z
  .string('Enter a date and time.')
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/, 'Enter a date and time.')
  .transform((given) => new Date(`${given}Z`))
  .refine((at) => !Number.isNaN(at.getTime()), 'Enter a date and time.')

const NewForm = z.object({
  kind: z.enum(KINDS, 'Choose what was hurt.'),
  aware_at: moment,
  facts: text('Write what happened.'),
})
const AccountForm = z.object({
  facts: text('Write what happened.'),
  effects: maybe,
  measures: maybe,
  subjects_estimate: z
    .union([z.literal('').transform(() => null), z.coerce.number('Enter a number.').int().min(0)])
    .default(null),
  authority_reason: maybe,
  people_reason: maybe,
})
const ReachForm = z.object({
  exposed: z.enum(EXPOSED, 'Choose what leaked.'),
  id: z.string().trim().default(''),
  from: moment,
  until: moment,
})
const NoticeForm = z.object({
  to: z.enum(['organizations', 'people']),
  body: text('Write the notice.'),
})
const AuthorityForm = z.object({ told_at: moment })

/** /ops/incidents: the register of breaches, their clocks and notices. For operators. */
export function incidentRoutes(on: Resources): Router {
  const router = Router()
  const list = async (req: Request, res: Response, shown: Shown): Promise<void> => {
    const [incidents, signals] = [await listIncidents(on), await listSignals(on)]
    const times = timesFor(viewerOf(on, req))
    const hours = { authority: AUTHORITY_HOURS, organizations: ORGS_HOURS }
    showPage(res, 'incidents/index', { ...shown, incidents, signals, times, hours, kinds: KINDS })
  }
  router.get(HOME, access('ops'), (req, res) => list(req, res, EMPTY))
  router.post(
    HOME,
    access('ops'),
    inForm(list, async (req, res) => {
      res.redirect(303, `${HOME}/${await openIncident(on, readForm(NewForm, req))}`)
    }),
  )
  oneRoutes(router, on)
  return router
}

function oneRoutes(router: Router, on: Resources): void {
  const show = async (req: Request, res: Response, shown: Shown): Promise<void> => {
    const incident = await readIncident(on, idOf(req))
    const drafts = {
      authority: draftOf(on, 'authority', incident),
      organizations: draftOf(on, 'organizations', incident),
      people: draftOf(on, 'people', incident),
    }
    const times = timesFor(viewerOf(on, req))
    const hours = { authority: AUTHORITY_HOURS, organizations: ORGS_HOURS }
    showPage(res, 'incidents/show', {
      ...shown,
      incident,
      drafts,
      times,
      hours,
      missing: missingIn(incident),
      exposures: EXPOSED,
    })
  }
  const post = (path: string, act: (req: Request) => Promise<unknown>, sudo = false): void =>
    void router.post(
      `${HOME}/:id${path}`,
      access('ops', { sudo }),
      inForm(show, async (req, res) => {
        await act(req)
        res.redirect(303, `${HOME}/${idOf(req)}`)
      }),
    )
  router.get(`${HOME}/:id`, access('ops'), (req, res) => show(req, res, EMPTY))
  router.get(`${HOME}/:id/reach`, access('ops'), async (req, res) => {
    res.json({ incident: idOf(req), reach: await showReach(on, idOf(req)) })
  })
  post('/account', (req) => account(on, idOf(req), readForm(AccountForm, req)))
  post('/authority', (req) =>
    account(on, idOf(req), { notified_authority_at: readForm(AuthorityForm, req).told_at }),
  )
  post('/reach', (req) => {
    const { id, ...leak } = readForm(ReachForm, req)
    const whole = leak.exposed === 'installation' ? '' : idIn(id, 'id of what leaked')
    return noteReach(on, idOf(req), { ...leak, id: whole })
  })
  post(
    '/notices',
    (req) => sendNotice(on, idOf(req), { ...readForm(NoticeForm, req), by: operatorOf(req) }),
    true,
  )
  post('/closing', (req) => closeIncident(on, idOf(req)))
}

const idOf = (req: Request): string => idIn(req.params['id'] as string, 'incident')
const operatorOf = (req: Request): AuditActor => ({ ...byPerson(whoOf(req)), kind: 'operator' })
