import { Router, type Request, type Response } from 'express'
import { z } from 'zod'
import { createApiKey, listApiKeys, revokeApiKey, SCOPES } from '../accounts/api-keys.ts'
import { byPerson } from '../audit/audit.ts'
import { access, whoOf } from '../http/access.ts'
import { readForm } from '../http/forms.ts'
import { showPage } from '../http/page.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { scopeOf } from './calls.ts'
import { CALLS } from './routes.ts'

const HOME = '/settings/api-keys'

const Scope = z.enum(SCOPES)
/** One ticked box comes as a text, several as a list. */
const Form = z.object({
  name: z.string().trim().min(1, 'Give the key a name.').max(100, 'At most 100 characters.'),
  scopes: z
    .union([Scope.transform((one) => [one]), z.array(Scope)], 'Choose at least one.')
    .default([]),
})

/** /settings/api-keys for admins and owners, and /api/docs for anyone. */
export function apiKeyRoutes(on: Resources): Router {
  const router = Router()
  router.get(HOME, access('admin'), (req, res) => showKeys(on, req, res))
  router.post(HOME, access('admin', { sudo: true }), (req, res) => create(on, req, res))
  router.post(`${HOME}/:id/revocation`, access('admin', { sudo: true }), async (req, res) => {
    const who = whoOf(req)
    await revokeApiKey(on, who.org, String(req.params['id']), byPerson(who))
    res.redirect(303, HOME)
  })
  router.get('/api/docs', access('public'), (_req, res) => {
    const calls = CALLS.map((each) => ({
      method: each.method.toUpperCase(),
      path: `/api/v1${each.path.replaceAll(/:(\w+)/g, '{$1}')}`,
      title: each.title,
      scope: scopeOf(each.method),
    }))
    showPage(res, 'api/docs', { calls, url: on.config.APP_URL })
  })
  return router
}

/** The one page that ever shows a key: its form is answered with it, and nothing repeats it. */
async function create(on: Resources, req: Request, res: Response): Promise<void> {
  const who = whoOf(req)
  try {
    const { name, scopes } = readForm(Form, req)
    const { key } = await createApiKey(on, who.org, { name, scopes, by: byPerson(who) })
    res.status(201)
    showPage(res, 'api/created', { name, key, url: on.config.APP_URL })
  } catch (error) {
    if (!(error instanceof Refusal) || error.status === 404) throw error
    res.status(error.status)
    await showKeys(on, req, res, error)
  }
}

async function showKeys(
  on: Resources,
  req: Request,
  res: Response,
  refusal?: Refusal,
): Promise<void> {
  const { org } = whoOf(req)
  const keys = await on.db.withTenant(org, (tx) => listApiKeys(tx, org))
  const { name = '' } = (req.body ?? {}) as { name?: string }
  showPage(res, 'api/keys', {
    keys: keys.map((key) => ({
      id: key.id,
      name: key.name,
      hint: key.hint,
      scopes: key.scopes.join(', '),
      by: key.created_by_name ?? 'the command line',
      made: day(key.created_at),
      used: key.last_used_on ? day(key.last_used_on) : 'Never',
      revoked: key.revoked_at ? day(key.revoked_at) : '',
    })),
    values: { name },
    errors: refusal?.fields ?? {},
    problem: refusal?.message ?? '',
  })
}

const day = (at: Date): string =>
  at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' })
