import { Router, type Response } from 'express'
import { z } from 'zod'
import { access, whoOf } from '../http/access.ts'
import { inForm, type Shown } from '../http/form-page.ts'
import { readForm } from '../http/forms.ts'
import { showPage } from '../http/page.ts'
import type { Resources } from '../resources.ts'
import { askAsUser, OWN_WISHES } from './own.ts'

const HOME = '/settings/privacy'
const KINDS = OWN_WISHES.map(([kind]) => kind) as [
  (typeof OWN_WISHES)[number][0],
  ...(typeof OWN_WISHES)[number][0][],
]
const OwnForm = z.object({
  kind: z.enum(KINDS, 'Choose what it is about.'),
  text: z
    .string('Write what you would like.')
    .trim()
    .min(1, 'Write what you would like.')
    .max(10_000, 'Use at most 10,000 characters.'),
})

/** /settings/privacy/requests: what somebody with an account cannot do alone. */
export function ownRightsRoutes(on: Resources): Router {
  const router = Router()
  const show = (_req: unknown, res: Response, shown: Shown): void =>
    showPage(res, 'rights/own-new', { ...shown, wishes: OWN_WISHES })
  router.post(
    `${HOME}/requests`,
    access('user', { sudo: true }),
    inForm(show, async (req, res) => {
      await askAsUser(on, whoOf(req), readForm(OwnForm, req))
      res.redirect(303, `${HOME}?asked=1#own-requests`)
    }),
  )
  return router
}
