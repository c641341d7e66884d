import { Router, type Request, type Response } from 'express'
import { z } from 'zod'
import { byPerson } from '../audit/audit.ts'
import { access, whoOf } from '../http/access.ts'
import { readForm } from '../http/forms.ts'
import { showPage } from '../http/page.ts'
import { isId, newCode } from '../ids.ts'
import { currentReports } from '../notices/current.ts'
import { isAbout, latestNotices } from '../notices/notices.ts'
import { noticeRoutes } from '../notices/routes.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { changeSecrets, switchConnection } from './changes.ts'
import { testConnection } from './check.ts'
import {
  createConnection,
  getConnection,
  listConnections,
  webhookPath,
  type Connection,
} from './connections.ts'
import { cardOf, countWaiting, type Card } from './evidence.ts'

const HOME = '/settings/connections'
const text = (max: number) => z.string().trim().max(max, `At most ${max} characters.`)
const given = (what: string) => text(4_096).min(1, `${what} is missing.`)
const optional = text(4_096).transform((value) => value || undefined)
const metaId = (what: string) =>
  z
    .string()
    .trim()
    .regex(/^\d{5,32}$/, `${what} is a row of digits in WhatsApp Manager.`)

const NewForm = z.object({
  name: text(120).default(''),
  phone_number_id: metaId('The phone number id'),
  waba_id: metaId('The business account id'),
  access_token: given('The access token'),
  app_secret: given('The app secret'),
  verify_token: optional.optional(),
})
/** What stays empty stays as it is. */
const SecretsForm = z
  .object({
    access_token: optional.optional(),
    app_secret: optional.optional(),
    verify_token: optional.optional(),
  })
  .transform(({ access_token, app_secret, verify_token }) => ({
    ...(access_token ? { accessToken: access_token } : {}),
    ...(app_secret ? { appSecret: app_secret } : {}),
    ...(verify_token ? { verifyToken: verify_token } : {}),
  }))
const StateForm = z.object({ state: z.enum(['active', 'disabled']) })

/** /settings/connections: the organization's numbers, for admins and owners. */
export function connectionRoutes(on: Resources): Router {
  const router = Router()
  router.use(noticeRoutes(on))
  router.get(HOME, access('admin'), async (req, res) => {
    showPage(res, 'connections/index', { cards: await cards(on, whoOf(req).org) })
  })
  router.get(`${HOME}/new`, access('admin'), (req, res) => showNew(req, res))
  router.post(HOME, access('admin', { sudo: true }), (req, res) => create(on, req, res))
  router.post(`${HOME}/:id/checks`, access('admin'), async (req, res) => {
    const { id } = await connectionOf(on, req)
    await testConnection(on, whoOf(req).org, id)
    res.redirect(303, `${HOME}#connection-${id}`)
  })
  router.get(`${HOME}/:id/secrets`, access('admin'), async (req, res) => {
    showSecrets(res, await connectionOf(on, req))
  })
  router.post(`${HOME}/:id/secrets`, access('admin', { sudo: true }), (req, res) =>
    replaceSecrets(on, req, res),
  )
  router.post(`${HOME}/:id/state`, access('admin'), async (req, res) => {
    const who = whoOf(req)
    const { id } = await connectionOf(on, req)
    await switchConnection(
      on,
      { org: who.org, by: byPerson(who) },
      id,
      readForm(StateForm, req).state,
    )
    res.redirect(303, `${HOME}#connection-${id}`)
  })
  return router
}

async function cards(on: Resources, org: string): Promise<Card[]> {
  const { found, waiting, notices } = await on.db.withTenant(org, async (tx) => ({
    found: await listConnections(tx, org),
    waiting: await countWaiting(tx, org),
    notices: await latestNotices(tx, org),
  }))
  const now = on.now()
  return found.map((connection) =>
    cardOf(connection, webhookPath(connection.id), {
      now,
      appUrl: on.config.APP_URL,
      waiting: waiting.get(connection.id) ?? 0,
      reports: currentReports(
        notices.filter((notice) => isAbout(connection, notice)),
        now,
      ),
    }),
  )
}

/** Stored first and asked about then: secrets are hard to come by, and webhooks need none of what the check may find. */
async function create(on: Resources, req: Request, res: Response): Promise<void> {
  const who = whoOf(req)
  const { org } = who
  try {
    const form = readForm(NewForm, req)
    const verifyToken = form.verify_token ?? newCode(18)
    const { id } = await createConnection(on, org, {
      name: form.name,
      phoneNumberId: form.phone_number_id,
      wabaId: form.waba_id,
      accessToken: form.access_token,
      appSecret: form.app_secret,
      verifyToken,
      by: byPerson(who),
    })
    showOnce(on, res, { id, verifyToken, check: await testConnection(on, org, id) })
  } catch (error) {
    if (!(error instanceof Refusal) || error.status === 404) throw error
    showNew(req, res, error)
  }
}

async function replaceSecrets(on: Resources, req: Request, res: Response): Promise<void> {
  const connection = await connectionOf(on, req)
  const who = whoOf(req)
  const { org } = who
  try {
    const secrets = readForm(SecretsForm, req)
    if (Object.keys(secrets).length === 0)
      throw new Refusal(422, 'invalid', 'Fill in what is to be replaced; the rest stays.')
    await changeSecrets(on, org, connection.id, { ...secrets, by: byPerson(who) })
    const check = await testConnection(on, org, connection.id)
    const { verifyToken } = secrets
    if (verifyToken) showOnce(on, res, { id: connection.id, verifyToken, check })
    else res.redirect(303, `${HOME}#connection-${connection.id}`)
  } catch (error) {
    if (!(error instanceof Refusal) || error.status === 404) throw error
    showSecrets(res, connection, error)
  }
}

/** Another organization's connection and one that never was are the same 404. */
async function connectionOf(on: Resources, req: Request): Promise<Connection> {
  const { id } = req.params
  const { org } = whoOf(req)
  const found = isId(id) && (await on.db.withTenant(org, (tx) => getConnection(tx, org, id)))
  if (!found) throw notFound('connection')
  return found
}

/** The ids come back as typed; secrets have to be entered again, because no page holds one. */
function showNew(req: Request, res: Response, refusal?: Refusal): void {
  const {
    name = '',
    phone_number_id = '',
    waba_id = '',
  } = (req.body ?? {}) as Record<string, string>
  res.status(refusal?.status ?? 200)
  showPage(res, 'connections/new', {
    values: { name, phone_number_id, waba_id },
    ...faults(refusal),
  })
}

function showSecrets(res: Response, connection: Connection, refusal?: Refusal): void {
  res.status(refusal?.status ?? 200)
  const name = connection.name || connection.display_phone || connection.phone_number_id
  showPage(res, 'connections/secrets', { id: connection.id, name, ...faults(refusal) })
}

const faults = (refusal?: Refusal): { errors: Record<string, string>; problem: string } => ({
  errors: refusal?.fields ?? {},
  problem: refusal?.message ?? '',
})

/** The one page that ever shows the verify token: its form is answered with it, and nothing repeats it. */
function showOnce(
  on: Resources,
  res: Response,
  {
    id,
    verifyToken,
    check,
  }: { id: string; verifyToken: string; check: { ok: boolean; detail: string } },
): void {
  const callbackUrl = on.config.APP_URL + webhookPath(id)
  res.status(201).render('connections/created', { id, callbackUrl, verifyToken, check })
}
