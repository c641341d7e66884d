import { Router, type Request, type Response } from 'express'
import { z } from 'zod'
import { getContact, listContacts } from '../contacts/contacts.ts'
import { personOf } from '../contacts/person.ts'
import { access, whoOf } from '../http/access.ts'
import { EMPTY, inForm, type Shown } from '../http/form-page.ts'
import { isStorable, readForm } from '../http/forms.ts'
import { showPage } from '../http/page.ts'
import { viewerOf } from '../http/viewer.ts'
import { isId } from '../ids.ts'
import { timesFor } from '../inbox/page.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { listMembers } from '../accounts/members.ts'
import { answerRoutes } from './answer-routes.ts'
import { oneLine, WISHES } from './contact-routes.ts'
import { caseRoutes, ORG_DESK, restrictionRoutes } from './desk-routes.ts'
import { listRequests } from './list.ts'
import { onceDigest } from './numbers.ts'
import { receivedField, roadOptions } from './recording.ts'
import { openRequest } from './request.ts'
import { shownRequests } from './shown.ts'
import { KINDS, ROADS, SAYS } from './vocabulary.ts'

const { home: HOME } = ORG_DESK
const FOUND = 20

const NewForm = z.object({
  contact: z.union([z.uuid(), z.literal('')]).default(''),
  kind: z.enum(KINDS, 'Choose what it is about.'),
  road: z.enum(ROADS, 'Choose how it came.'),
  received_at: receivedField,
  name: oneLine(200).default(''),
  email: z
    .union([z.literal(''), z.email('Enter an address like name@example.com, or none.')])
    .default(''),
  text: z.string().trim().max(10_000, 'Use at most 10,000 characters.').default(''),
  mandate: oneLine(500).default(''),
  not_by: z.union([z.uuid(), z.literal('')]).default(''),
})

/** /settings/privacy/contacts: what customers ask about their data, for the admins who answer. */
export function orgRightsRoutes(on: Resources): Router {
  const router = Router()
  router.get(HOME, access('admin'), async (req, res) => {
    const { org } = whoOf(req)
    const open = req.query['closed'] !== '1'
    const found = await on.db.withTenant(org, (tx) => listRequests(tx, org, { open }))
    const requests = shownRequests(found, on.now())
    showPage(res, 'rights/desk', { requests, open, says: SAYS, times: timesFor(viewerOf(on, req)) })
  })
  const show = showNew(on)
  router.get(`${HOME}/new`, access('admin'), (req, res) => show(req, res, EMPTY))
  router.post(
    `${HOME}/new`,
    access('admin'),
    inForm(show, async (req, res) => {
      res.redirect(303, `${HOME}/${await record(on, req)}`)
    }),
  )
  router.use(answerRoutes(on))
  restrictionRoutes(router, on)
  caseRoutes(router, on, ORG_DESK)
  return router
}

async function record(on: Resources, req: Request): Promise<string> {
  const { org } = whoOf(req)
  const given = readForm(NewForm, req)
  const contact = given.contact || undefined
  if (contact && !(await on.db.withTenant(org, (tx) => getContact(tx, org, contact))))
    throw notFound('contact')
  const { id } = await openRequest(on, {
    org,
    contact,
    kind: given.kind,
    road: given.road,
    received: given.received_at,
    by: ORG_DESK.by(req),
    notBy: given.not_by || undefined,
    // Pressed twice it is one request.
    once: onceDigest(on, 'desk', JSON.stringify({ ...given, received_at: +given.received_at })),
    texts: {
      name: given.name,
      address: given.email,
      asked: given.text,
      mandate: given.mandate,
    },
  })
  return id
}

/** The form, for a contact that is named in the address or found by a search in it, or for somebody unknown. */
function showNew(on: Resources) {
  return async (req: Request, res: Response, shown: Shown): Promise<void> => {
    const { org } = whoOf(req)
    const { contact: asked, q: search } = req.query
    const id = shown.values['contact'] ?? asked
    const q = typeof search === 'string' && isStorable(search) ? search.trim().slice(0, 100) : ''
    const reader = { times: timesFor(viewerOf(on, req)) }
    const [contact, found] = await on.db.withTenant(org, async (tx) => [
      isId(id) ? await getContact(tx, org, id) : undefined,
      q ? await listContacts(tx, org, { q, limit: FOUND }) : [],
    ])
    showPage(res, 'rights/new', {
      ...shown,
      q,
      person: contact && personOf(contact, reader),
      found: found.map((one) => personOf(one, reader)),
      members: await listMembers(on, org),
      wishes: WISHES,
      roads: roadOptions(),
    })
  }
}
