import { Router, type Request, type Response } from 'express'
import { z } from 'zod'
import { AGAIN } from '../audit/actions.ts'
import { byPerson } from '../audit/audit.ts'
import { access, whoOf } from '../http/access.ts'
import { isStorable, readForm } from '../http/forms.ts'
import { showPage } from '../http/page.ts'
import { viewerOf } from '../http/viewer.ts'
import { isId } from '../ids.ts'
import { listConversations } from '../inbox/conversations.ts'
import { previewOf } from '../inbox/rows.ts'
import { timesFor } from '../inbox/page.ts'
import type { Times } from '../inbox/times.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { readWishes } from '../restrictions/page.ts'
import { restrictionRoutes } from '../restrictions/routes.ts'
import { asksOf } from '../rights/shown.ts'
import { changeContact, createContact } from './changes.ts'
import {
  getContact,
  getWholeContact,
  latestConversations,
  listContacts,
  type Contact,
} from './contacts.ts'
import { doublesOf, keepApart } from './doubles.ts'
import { correctionRoutes } from './correction-routes.ts'
import { listCorrections } from './corrections.ts'
import { personOf } from './person.ts'

const HOME = '/contacts'
const PAGE_SIZE = 50
const optional = (max: number) =>
  z
    .string()
    .trim()
    .max(max, `At most ${max} characters.`)
    .transform((text) => text || null)

const Form = z.object({
  name: optional(200),
  phone: optional(40),
  email: optional(320).refine(
    (email) => email === null || z.email().safeParse(email).success,
    'This is no e-mail address.',
  ),
  contacted_again: z.enum(AGAIN).optional().catch(undefined),
})
type Values = { name: string; phone: string; email: string; contacted_again?: string }

/** /contacts: everybody who wrote or was written to, for the organization's members. */
export function contactRoutes(on: Resources): Router {
  const router = Router()
  router.use(restrictionRoutes(on))
  router.use(correctionRoutes(on))
  router.get(HOME, access('user'), (req, res) => list(on, req, res))
  router.get(`${HOME}/new`, access('agent'), (_req, res) => showForm(res, { id: '' }))
  router.post(HOME, access('agent'), (req, res) =>
    keep(req, res, { id: '' }, () => createContact(on, whoOf(req).org, typedIn(req))),
  )
  router.get(`${HOME}/:id`, access('user'), (req, res) => show(on, req, res))
  router.get(`${HOME}/:id/edit`, access('agent'), async (req, res) => {
    const { id, name, phone, email, restricted } = await contactOf(on, req)
    if (restricted) return res.redirect(303, `${HOME}/${id}`)
    showForm(res, { id, name, email, phone: phone && `+${phone}` })
  })
  router.post(`${HOME}/:id`, access('agent'), async (req, res) => {
    const { id } = await contactOf(on, req)
    await keep(req, res, { id }, () => changeContact(on, whoOf(req).org, id, typedIn(req)))
  })
  router.post(`${HOME}/:id/apart/:other`, access('agent'), async (req, res) => {
    const { id } = await contactOf(on, req)
    const { other } = req.params
    if (!isId(other)) throw notFound('contact')
    const { org } = whoOf(req)
    await on.db.withTenant(org, (tx) => keepApart(tx, org, { id, other }))
    res.redirect(303, `${HOME}/${id}`)
  })
  return router
}

const typedIn = (req: Request) => ({ ...readForm(Form, req), by: byPerson(whoOf(req)) })

async function list(on: Resources, req: Request, res: Response): Promise<void> {
  const { org } = whoOf(req)
  const q = textOf(req.query['q'])
  const before = isId(req.query['before']) ? req.query['before'] : undefined
  const [found, latest] = await on.db.withTenant(org, async (tx) => {
    const people = await listContacts(tx, org, { q, before, limit: PAGE_SIZE + 1 })
    const ids = people.map(({ id }) => id)
    return [people, await latestConversations(tx, org, ids)] as const
  })
  const reader = readerOf(on, req)
  const shown = found.slice(0, PAGE_SIZE)
  const last = found.length > PAGE_SIZE ? shown.at(-1) : undefined
  showPage(res, 'contacts/index', {
    people: shown.map((contact) => personOf(contact, reader, latest.get(contact.id))),
    q,
    first: before ? HOME + query({ q }) : '',
    next: last ? HOME + query({ q, before: last.id }) : '',
  })
}

/** Of a restricted contact a stub; admins see who it is and why, and what else is only in what they export. */
async function show(on: Resources, req: Request, res: Response): Promise<void> {
  const { org, mayAdmin } = viewerOf(on, req)
  const contact = await contactOf(on, req)
  const reader = readerOf(on, req)
  const model = await on.db.withTenant(org, async (tx) => ({
    person: personOf((mayAdmin && (await getWholeContact(tx, org, contact.id))) || contact, reader),
    doubles: contact.restricted ? [] : await doublesOf(tx, org, contact.id, reader),
    requests: await asksOf(tx, org, contact.id, on.now()),
    corrections: contact.restricted && !mayAdmin ? [] : await listCorrections(tx, org, contact.id),
    dateOf: (at: Date) => reader.times.date(at),
    wishes: mayAdmin ? await readWishes(tx, org, contact.id, reader.times) : undefined,
    conversations: (
      await listConversations(tx, org, { contacts: [contact.id], limit: PAGE_SIZE })
    ).map((c) => ({
      id: c.id,
      status: c.status,
      preview: previewOf(c.last_message_preview).preview,
      time: reader.times.short(c.last_message_at),
    })),
  }))
  showPage(res, 'contacts/show', model)
}

/** Times are written in the zone of whoever looks. */
function readerOf(on: Resources, req: Request): { times: Times } {
  return { times: timesFor(viewerOf(on, req)) }
}

/** Another organization's contact and one that never was are the same 404. */
async function contactOf(on: Resources, req: Request): Promise<Contact> {
  const { id } = req.params
  const { org } = whoOf(req)
  const found = isId(id) && (await on.db.withTenant(org, (tx) => getContact(tx, org, id)))
  if (!found) throw notFound('contact')
  return found
}

/** On to the contact's page, or the form again with what was typed and what is wrong with it. */
async function keep(
  req: Request,
  res: Response,
  { id }: { id: string },
  run: () => Promise<Contact>,
): Promise<void> {
  try {
    res.redirect(303, `${HOME}/${(await run()).id}`)
  } catch (error) {
    if (!(error instanceof Refusal) || error.status === 404) throw error
    res.status(error.status)
    showForm(res, { id, ...(req.body as Values) }, error)
  }
}

function showForm(
  res: Response,
  { id, ...values }: { id: string } & Partial<Record<keyof Values, string | null>>,
  refusal?: Refusal,
): void {
  const { name, phone, email, contacted_again: again } = values
  showPage(res, 'contacts/form', {
    id,
    values: { name: name ?? '', phone: phone ?? '', email: email ?? '', again: again ?? '' },
    wasErased: refusal?.code === 'erased',
    errors: refusal?.fields ?? {},
    problem: refusal?.message ?? '',
  })
}

/** A search text the database can take; anything else is no search. */
const textOf = (value: unknown): string =>
  typeof value === 'string' && isStorable(value) ? value.slice(0, 200) : ''

function query(given: Record<string, string>): string {
  const text = new URLSearchParams(Object.entries(given).filter(([, value]) => value)).toString()
  return text && `?${text}`
}
