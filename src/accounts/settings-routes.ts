import { Router, type Request, type Response } from 'express'
import { z } from 'zod'
import { listFindings } from '../abuse/findings.ts'
import { byPerson } from '../audit/audit.ts'
import { access, whoOf } from '../http/access.ts'
import { EMPTY, inForm, type Shown } from '../http/form-page.ts'
import { readForm } from '../http/forms.ts'
import { tryOf } from '../http/known-browser.ts'
import { showPage } from '../http/page.ts'
import { startSession } from '../http/session.ts'
import { viewerOf } from '../http/viewer.ts'
import { timesFor } from '../inbox/page.ts'
import { listWanted } from '../ops/refusals.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { demandFactor, readDemand } from './factor-demand.ts'
import { removeMember } from './members.ts'
import {
  changePassword,
  rememberOrganization,
  renameOrganization,
  renamePerson,
} from './profile.ts'
import { rankOf } from './roles.ts'
import { readFactor } from './second-factor.ts'
import { endSession, endSessions, listSessions } from './sessions.ts'
import { organizationsOf } from './sign-in.ts'
import type { Throttles } from './throttle.ts'

const text = (missing: string) => z.string(missing).min(1, missing).max(1_000, 'This is too long.')
const NameForm = z.object({ name: text('Enter a name.') })
/** The box beside a button that cannot be undone. */
const SureForm = z.object({ sure: z.literal('1', 'Tick the box to go on.') })
const DemandForm = z.object({ needed: z.enum(['0', '1']).default('0') })
const SwitchForm = z.object({ org: z.uuid() })
const PasswordForm = z.object({
  current: text('Enter your present password.'),
  password: text('Choose a new password.'),
})

/** /settings/{profile,security,organization}: what people set for themselves, and the organization's name. */
export function settingsRoutes(on: Resources, throttles: Throttles): Router {
  const router = Router()
  router.get('/settings', access('user'), (_req, res) => res.redirect(303, '/settings/profile'))
  profileRoutes(router, on)
  securityRoutes(router, on, throttles)
  const show = async (req: Request, res: Response, shown: Shown): Promise<void> => {
    const demand = await readDemand(on, whoOf(req).org)
    showPage(res, 'accounts/organization', { ...shown, demand, saved: isSaved(req) })
  }
  router.get('/settings/organization', access('admin'), (req, res) => show(req, res, EMPTY))
  router.post(
    '/settings/organization',
    access('admin'),
    inForm(show, async (req, res) => {
      await renameOrganization(on, whoOf(req), readForm(NameForm, req).name)
      res.redirect(303, '/settings/organization?saved=1')
    }),
  )
  router.post(
    '/settings/organization/second-factor',
    access('admin', { sudo: true }),
    inForm(show, async (req, res) => {
      await demandFactor(on, whoOf(req), readForm(DemandForm, req).needed === '1')
      res.redirect(303, '/settings/organization?saved=1')
    }),
  )
  return router
}

function profileRoutes(router: Router, on: Resources): void {
  const show = async (req: Request, res: Response, shown: Shown): Promise<void> => {
    const { user } = whoOf(req)
    const organizations = await organizationsOf(on, user)
    const mails = { wanted: await listWanted(on, user), saved: req.query['mails'] === 'saved' }
    showPage(res, 'accounts/profile', { ...shown, organizations, mails, saved: isSaved(req) })
  }
  router.get('/settings/profile', access('user'), (req, res) => show(req, res, EMPTY))
  router.post(
    '/settings/profile',
    access('user'),
    inForm(show, async (req, res) => {
      await renamePerson(on, whoOf(req).user, readForm(NameForm, req).name)
      res.redirect(303, '/settings/profile?saved=1')
    }),
  )
  router.post('/settings/profile/organization', access('user'), async (req, res) => {
    const { user, authAt } = whoOf(req)
    const { org } = readForm(SwitchForm, req)
    const own = await organizationsOf(on, user)
    if (!own.some(({ id }) => id === org)) throw notFound('organization')
    await rememberOrganization(on, user, org)
    await startSession(on, req, { user, org, authAt })
    res.redirect(303, '/inbox')
  })
  router.post(
    '/settings/profile/departure',
    access('user'),
    inForm(show, async (req, res) => {
      const who = whoOf(req)
      readForm(SureForm, req)
      await removeMember(on, who, who.user)
      res.redirect(303, '/login?done=left')
    }),
  )
}

function securityRoutes(router: Router, on: Resources, throttles: Throttles): void {
  const home = '/settings/security'
  const show = async (req: Request, res: Response, shown: Shown): Promise<void> => {
    const { org, user, role } = whoOf(req)
    const isAdmin = rankOf(role) >= rankOf('admin')
    const findings = await listFindings(on, { org, user, isAdmin })
    const [devices, factor] = [await listSessions(on, user), await readFactor(on, user)]
    const [times, saved] = [timesFor(viewerOf(on, req)), isSaved(req)]
    const isOff = req.query['factor'] === 'off'
    const model = { ...shown, devices, factor, findings, times, saved, isOff }
    showPage(res, 'accounts/security', model)
  }
  router.get(home, access('user'), (req, res) => show(req, res, EMPTY))
  router.post(
    `${home}/password`,
    access('user'),
    inForm(show, async (req, res) => {
      const who = whoOf(req)
      const form = readForm(PasswordForm, req)
      const attempt = { ...tryOf(on, req, who.email), known: throttles.knownMark(who.email) }
      await throttles.signIn(attempt)
      await changePassword(on, who, form)
      await throttles.signedIn(attempt)
      await startSession(on, req, { ...who, authAt: on.now().getTime() })
      res.redirect(303, `${home}?saved=1`)
    }),
  )
  router.post(`${home}/sessions/removal`, access('user'), async (req, res) => {
    const who = whoOf(req)
    await endSessions(on, who.user, { except: who.session, by: byPerson(who) })
    res.redirect(303, home)
  })
  router.post(`${home}/sessions/:session/removal`, access('user'), async (req, res) => {
    const who = whoOf(req)
    const { session } = req.params as { session: string }
    await endSession(on, who.user, session, byPerson(who))
    res.redirect(303, home)
  })
}

const isSaved = (req: Request): boolean => req.query['saved'] === '1'
