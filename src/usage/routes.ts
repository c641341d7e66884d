import { Router, type Request } from 'express'
import { z } from 'zod'
import { rankOf } from '../accounts/roles.ts'
import { readChoices } from '../choices/choices.ts'
import { access, whoOf } from '../http/access.ts'
import { readForm } from '../http/forms.ts'
import { showPage } from '../http/page.ts'
import { viewerOf } from '../http/viewer.ts'
import { isId } from '../ids.ts'
import { timesFor } from '../inbox/page.ts'
import type { Resources } from '../resources.ts'
import { usageLives } from './days.ts'
import { allowUsage, objectToUsage } from './refs.ts'
import { readOwnUsage, readShares } from './usage.ts'

const HOME = '/settings/usage'
/** `forget`: what is there goes too. `back`: the page with the button, one of two. */
const Objection = z.object({
  forget: z
    .literal('1')
    .optional()
    .transform((one) => one === '1'),
  back: z
    .literal('privacy')
    .optional()
    .transform((page) => (page ? '/settings/privacy#choices' : HOME)),
})

/** /settings/usage: what is known of one's own use, with the way to object; for admins, what many use. */
export function usageRoutes(on: Resources): Router {
  const router = Router()
  router.get(HOME, access('user'), async (req, res) => {
    const { org, user, role } = whoOf(req)
    const isAdmin = rankOf(role) >= rankOf('admin')
    const model = await on.db.withTenant(org, async (tx) => ({
      own: await readOwnUsage(tx, org, user, beforeOf(req)),
      isOff: (await readChoices(tx, org, user)).usage.isOff,
      shares: isAdmin ? await readShares(tx, org, on.now()) : undefined,
    }))
    showPage(res, 'usage/index', { ...model, ...usageLives(), times: timesFor(viewerOf(on, req)) })
  })
  router.post(`${HOME}/objection`, access('user'), async (req, res) => {
    const { forget, back } = readForm(Objection, req)
    await objectToUsage(on, whoOf(req), { forget })
    res.redirect(303, back)
  })
  router.post(`${HOME}/permission`, access('user'), async (req, res) => {
    await allowUsage(on, whoOf(req))
    res.redirect(303, readForm(Objection, req).back)
  })
  return router
}

/** The last event of the page before, in the address of the next. */
function beforeOf(req: Request): string | undefined {
  const { before } = req.query
  return typeof before === 'string' && isId(before) ? before : undefined
}
