import { Router, type Request } from 'express'
import { z } from 'zod'
import { access, whoOf } from '../http/access.ts'
import { EMPTY, inForm, type Shown } from '../http/form-page.ts'
import { readForm } from '../http/forms.ts'
import { showPage } from '../http/page.ts'
import { sourceOf } from '../http/source.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import {
  askEmailChange,
  confirmEmailChange,
  isUndoable,
  readEmailLink,
  undoEmailChange,
} from './email-change.ts'
import type { Throttles } from './throttle.ts'

const HOME = '/settings/profile/email'
const Address = z.object({ email: z.string('Enter an e-mail address.').max(1_000) })
type Params = { token: string }

/** Another e-mail for an account: asked for, confirmed from the new address, taken back from the old one. */
export function emailRoutes(on: Resources, throttles: Throttles): Router {
  const router = Router()
  const show = (req: Request, res: Parameters<typeof showPage>[0], shown: Shown): void =>
    showPage(res, 'accounts/email', { ...shown, asked: req.query['asked'] === '1', link: '' })
  router.get(HOME, access('user'), (req, res) => show(req, res, EMPTY))
  router.post(
    HOME,
    access('user', { sudo: true }),
    inForm(show, async (req, res) => {
      const given = readForm(Address, req).email
      await askEmailChange(on, throttles, { who: whoOf(req), given })
      res.redirect(303, `${HOME}?asked=1`)
    }),
  )
  router.get<Params>(`${HOME}/:token`, access('user'), async (req, res) => {
    const { token } = req.params
    const email = await readEmailLink(on, whoOf(req).user, token)
    if (email === undefined) throw over()
    showPage(res, 'accounts/email', { ...EMPTY, asked: false, link: token, email })
  })
  router.post<Params>(`${HOME}/:token`, access('user'), async (req, res) => {
    await confirmEmailChange(on, whoOf(req), req.params.token)
    res.redirect(303, '/settings/profile?saved=email')
  })
  router.get<Params>('/email/undo/:token', access('public'), async (req, res) => {
    if (!(await isUndoable(on, req.params.token))) throw over()
    res.set('Referrer-Policy', 'no-referrer')
    showPage(res, 'accounts/email-undo', { token: req.params.token })
  })
  router.post<Params>('/email/undo/:token', access('public'), async (req, res) => {
    await undoEmailChange(on, req.params.token, sourceOf(req))
    res.redirect(303, '/reset')
  })
  return router
}

const over = (): Refusal =>
  new Refusal(410, 'link_over', 'This link was used, is too old, or belongs to another account.')
