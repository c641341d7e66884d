import { Router, type Request, type Response } from 'express'
import { z } from 'zod'
import { access, whoOf } from '../http/access.ts'
import { isStorable } from '../http/forms.ts'
import { showPage, wantsFragment } from '../http/page.ts'
import { idIn } from '../http/viewer.ts'
import { isId } from '../ids.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import {
  CATEGORIES,
  queryOf,
  readTemplate,
  readTemplates,
  STATUSES,
  type Asked,
  type ListModel,
} from './page.ts'
import { askForAll } from './sync.ts'

const HOME = '/templates'
const one = (max: number) => z.string().trim().max(max).refine(isStorable).catch('')
const among = (given: readonly (readonly [string, string])[]) =>
  z
    .string()
    .refine((value) => given.some(([known]) => known === value))
    .catch('')
const Query = z.object({
  q: one(100),
  status: among(STATUSES),
  category: among(CATEGORIES),
  language: one(20),
  after: z.string().refine(isId).catch(''),
})
const askedIn = (req: Request): Asked => Query.parse(req.query)

/** /templates: what Meta approved, and what it says of the rest. */
export function templateRoutes(on: Resources): Router {
  const router = Router()
  router.get(HOME, access('user'), async (req, res) => {
    showPage(res, 'templates/index', await modelOf(on, req))
  })
  router.get(`${HOME}/syncs`, access('user'), (req, res) => answer(on, req, res))
  router.post(`${HOME}/syncs`, access('agent'), async (req, res) => {
    await askForAll(on, whoOf(req).org)
    await answer(on, req, res)
  })
  router.get<{ id: string }>(`${HOME}/:id`, access('user'), async (req, res) => {
    const { org } = whoOf(req)
    const id = idIn(req.params.id, 'template')
    const shown = await on.db.withTenant(org, (tx) => readTemplate(tx, org, id))
    if (!shown) throw notFound('template')
    showPage(res, 'templates/show', shown)
  })
  return router
}

/** How far the reading is, and the list again once it ended; the whole page for a browser without scripts. */
async function answer(on: Resources, req: Request, res: Response): Promise<void> {
  const asked = askedIn(req)
  if (!wantsFragment(req)) return res.redirect(303, HOME + queryOf({ ...asked, after: '' }))
  res.vary('HX-Request-Type').render('templates/read', await modelOf(on, req))
}

type Model = ListModel & { statuses: typeof STATUSES; categories: typeof CATEGORIES }

async function modelOf(on: Resources, req: Request): Promise<Model> {
  const { org } = whoOf(req)
  const list = await on.db.withTenant(org, (tx) => readTemplates(tx, org, askedIn(req), on.now()))
  return { ...list, statuses: STATUSES, categories: CATEGORIES }
}
