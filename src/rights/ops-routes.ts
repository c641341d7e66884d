import { Router, type Request, type Response } from 'express'
import { z } from 'zod'
import { checkEmail } from '../accounts/fields.ts'
import { openThrottles } from '../accounts/throttle.ts'
import { access } from '../http/access.ts'
import { EMPTY, inForm, type Shown } from '../http/form-page.ts'
import { readForm } from '../http/forms.ts'
import { showPage } from '../http/page.ts'
import { viewerOf } from '../http/viewer.ts'
import { timesFor } from '../inbox/page.ts'
import type { Resources } from '../resources.ts'
import { progressOf } from './clock.ts'
import { oneLine, WISHES } from './contact-routes.ts'
import { takeIn } from './contact.ts'
import { caseRoutes, OPS_DESK } from './desk-routes.ts'
import { listOwnRequests } from './list.ts'
import { receivedField, roadOptions } from './recording.ts'
import { KINDS, ROADS, SAYS } from './vocabulary.ts'

const { home: HOME } = OPS_DESK
const NewForm = z.object({
  kind: z.enum(KINDS, 'Choose what it is about.'),
  road: z.enum(ROADS, 'Choose how it came.'),
  received_at: receivedField,
  name: oneLine(200).default(''),
  email: oneLine(1_000).default(''),
  text: z
    .string()
    .trim()
    .min(1, 'Write what was asked.')
    .max(10_000, 'Use at most 10,000 characters.'),
  mandate: oneLine(500).default(''),
})

/** /ops/rights: requests that the installation answers itself. For operators. */
export function opsRightsRoutes(on: Resources): Router {
  const router = Router()
  const throttles = openThrottles(on)
  router.get(HOME, access('ops'), async (req, res) => {
    const now = on.now()
    const found = await on.db.withSystem((tx) => listOwnRequests(tx, {}))
    const requests = found.map((one) => Object.assign(one, progressOf(one, now)))
    showPage(res, 'rights/ops', { requests, says: SAYS, times: timesFor(viewerOf(on, req)) })
  })
  const show = (_req: Request, res: Response, shown: Shown): void =>
    showPage(res, 'rights/ops-new', { ...shown, wishes: WISHES, roads: roadOptions() })
  router.get(`${HOME}/new`, access('ops'), (req, res) => show(req, res, EMPTY))
  router.post(
    `${HOME}/new`,
    access('ops'),
    inForm(show, async (req, res) => {
      const { received_at: received, email, ...given } = readForm(NewForm, req)
      const address = email === '' ? '' : checkEmail(email)
      const opened = await takeIn(on, throttles, { ...given, email: address, received })
      res.redirect(303, `${HOME}/${opened.id}`)
    }),
  )
  caseRoutes(router, on, OPS_DESK)
  return router
}
