import { Router, type Request, type Response } from 'express'
import { z } from 'zod'
import { access, whoOf } from '../http/access.ts'
import { EMPTY, inForm, type Shown } from '../http/form-page.ts'
import { readForm } from '../http/forms.ts'
import { showPage } from '../http/page.ts'
import { idIn, viewerOf } from '../http/viewer.ts'
import { timesFor } from '../inbox/page.ts'
import type { Resources } from '../resources.ts'
import { grantAccess, HOURS, listGrants, revokeAccess } from './access.ts'

const HOME = '/settings/privacy/support-access'
const GrantForm = z.object({
  scope: z.enum(['configuration', 'content'], 'Choose what may be seen.'),
  hours: z.coerce.number().pipe(z.literal(HOURS, 'Choose for how long.')),
})

/** /settings/privacy/support-access: an owner lets whoever operates the product look in, for a while. */
export function supportAccessRoutes(on: Resources): Router {
  const router = Router()
  const show = async (req: Request, res: Response, shown: Shown): Promise<void> => {
    const who = whoOf(req)
    const [grants, times] = [await listGrants(on, who.org), timesFor(viewerOf(on, req))]
    const isOwner = who.role === 'owner'
    showPage(res, 'support/access', { ...shown, grants, times, isOwner, hours: HOURS })
  }
  router.get(HOME, access('admin'), (req, res) => show(req, res, EMPTY))
  router.post(
    HOME,
    access('owner', { sudo: true }),
    inForm(show, async (req, res) => {
      await grantAccess(on, whoOf(req), readForm(GrantForm, req))
      res.redirect(303, HOME)
    }),
  )
  router.post(`${HOME}/:id/revocation`, access('owner'), async (req, res) => {
    await revokeAccess(on, whoOf(req), idIn(req.params['id'] as string, 'grant'))
    res.redirect(303, HOME)
  })
  return router
}
