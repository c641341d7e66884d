import { Router, type Request, type Response } from 'express'
import { z } from 'zod'
import { openThrottles } from '../accounts/throttle.ts'
import { byPerson } from '../audit/audit.ts'
import { getContact } from '../contacts/contacts.ts'
import { access, whoOf } from '../http/access.ts'
import { EMPTY, inForm, type Shown } from '../http/form-page.ts'
import { invalid, readForm } from '../http/forms.ts'
import { showPage, wantsJson } from '../http/page.ts'
import { endOwnSession } from '../http/session.ts'
import { idIn, viewerOf } from '../http/viewer.ts'
import { timesFor } from '../inbox/page.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { publishedKeys } from './certificate.ts'
import { findDeletion } from './deletion.ts'
import { endOfGrace, previewContact, previewOrganization } from './preview.ts'
import { askDeletionRoutes } from './ask-routes.ts'
import { cancelDeletion } from './cancel.ts'
import { requestDeletion } from './request.ts'
import { progressOf, statusOf } from './status.ts'

const HOME = '/settings/privacy/delete'
const NameForm = z.object({ name: z.string('Type the name.') })
const SureForm = z.object({ sure: z.literal('1', 'Tick the box to go on.') })

/** Asking for a deletion, taking it back, and the page of its code. */
export function deletionRoutes(on: Resources): Router {
  const router = Router()
  router.use(askDeletionRoutes(on, openThrottles(on)))
  publicRoutes(router, on)
  accountRoutes(router, on)
  keepRoutes(router, on)
  contactRoutes(router, on)
  return router
}

function publicRoutes(router: Router, on: Resources): void {
  router.get('/deletion/:code', access('public'), async (req, res) => {
    res.set({ 'X-Robots-Tag': 'noindex', 'Referrer-Policy': 'no-referrer' })
    const code = String(req.params['code'])
    const found = /^[A-Za-z0-9_-]{16,64}$/.test(code) ? await findDeletion(on, code) : undefined
    if (!found) throw notFound('deletion')
    res.vary('Accept')
    if (wantsJson(req)) res.json(statusOf(found))
    else
      showPage(res, 'deletions/status', {
        status: statusOf(found),
        progress: progressOf(found),
        address: `/deletion/${code}`,
      })
  })
  router.get('/.well-known/chatflow-deletion-keys.json', access('public'), (_req, res) => {
    res.json({ algorithm: 'Ed25519', keys: publishedKeys(on.vault) })
  })
}

const showSettings =
  (on: Resources) =>
  async (req: Request, res: Response, shown: Shown): Promise<void> => {
    const { org, role, user } = whoOf(req)
    const [until, own] = [await endOfGrace(on, org), await endOfGrace(on, user)]
    showPage(res, 'deletions/settings', {
      ...shown,
      isOwner: role === 'owner',
      until: until && timesFor(viewerOf(on, req)).full(until),
      preview: role === 'owner' ? await previewOrganization(on, org) : undefined,
      own: own && timesFor(viewerOf(on, req)).full(own),
      days: on.config.DELETION_GRACE_DAYS,
    })
  }

function accountRoutes(router: Router, on: Resources): void {
  const show = showSettings(on)
  router.get(HOME, access('user'), (req, res) => show(req, res, EMPTY))
  router.post(
    `${HOME}/organization`,
    access('owner', { sudo: true }),
    inForm(show, async (req, res) => {
      const who = whoOf(req)
      const { name } = readForm(NameForm, req)
      if (name.trim() !== who.orgName) throw invalid({ name: `Type ${who.orgName} exactly.` })
      await requestDeletion(on, { kind: 'org', subject: who.org, road: 'self', by: byPerson(who) })
      res.redirect(303, HOME)
    }),
  )
  router.post(
    `${HOME}/account`,
    access('user', { sudo: true }),
    inForm(show, async (req, res) => {
      const who = whoOf(req)
      readForm(SureForm, req)
      const { code } = await requestDeletion(on, {
        kind: 'user',
        subject: who.user,
        road: 'self',
        by: byPerson(who),
      })
      await endOwnSession(req)
      res.redirect(303, `/deletion/${code}`)
    }),
  )
}

/** Taking a deletion back, as long as its grace lasts. */
function keepRoutes(router: Router, on: Resources): void {
  const show = showSettings(on)
  router.post(
    `${HOME}/organization/cancel`,
    access('owner', { sudo: true }),
    inForm(show, async (req, res) => {
      const who = whoOf(req)
      await cancelDeletion(on, { subject: who.org, by: byPerson(who) })
      res.redirect(303, HOME)
    }),
  )
  router.post(
    `${HOME}/account/cancel`,
    access('user', { sudo: true }),
    inForm(show, async (req, res) => {
      const who = whoOf(req)
      await cancelDeletion(on, { subject: who.user, by: byPerson(who) })
      res.redirect(303, HOME)
    }),
  )
}

function contactRoutes(router: Router, on: Resources): void {
  const show = async (req: Request, res: Response, shown: Shown): Promise<void> => {
    const { org } = whoOf(req)
    const id = idIn(req.params['id'] as string, 'contact')
    const contact = await on.db.withTenant(org, (tx) => getContact(tx, org, id))
    if (!contact) throw notFound('contact')
    const preview = await previewContact(on, org, id)
    const name = contact.name ?? (contact.phone ? `+${contact.phone}` : 'this person')
    showPage(res, 'deletions/contact', { ...shown, id, name, preview })
  }
  router.get('/contacts/:id/erase', access('admin'), (req, res) => show(req, res, EMPTY))
  router.post(
    '/contacts/:id/erase',
    access('admin', { sudo: true }),
    inForm(show, async (req, res) => {
      const who = whoOf(req)
      readForm(SureForm, req)
      const subject = idIn(req.params['id'] as string, 'contact')
      const by = byPerson(who)
      const wish = { kind: 'contact' as const, org: who.org, subject, road: 'agent' as const, by }
      const { code } = await requestDeletion(on, wish)
      res.redirect(303, `/deletion/${code}`)
    }),
  )
}
