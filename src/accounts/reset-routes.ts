import { Router, type Request, type Response } from 'express'
import { z } from 'zod'
import { access } from '../http/access.ts'
import { EMPTY, inForm, type Shown } from '../http/form-page.ts'
import { readForm } from '../http/forms.ts'
import { showNotice, type Notice } from '../http/notice.ts'
import { showPage } from '../http/page.ts'
import { sourceOf } from '../http/source.ts'
import type { Resources } from '../resources.ts'
import { askReset, readReset, resetPassword } from './resets.ts'
import { mailed, USED_LINK } from './sign-up-routes.ts'
import type { Throttles } from './throttle.ts'

const text = (missing: string) => z.string(missing).min(1, missing).max(1_000, 'This is too long.')
const AskForm = z.object({ email: text('Enter your e-mail.') })
const ChooseForm = z.object({ password: text('Choose a password.') })
type Link = { token: string }

/** Said whether the address has an account or not. */
const ON_ITS_WAY: Notice = {
  status: 200,
  title: 'Check your mail',
  lines: [
    'If this address has an account, a link to choose a new password is on its way. It works for 30 minutes.',
    'Nothing there? Look among the unwanted mail, or ask again.',
  ],
  link: { href: '/login', text: 'To the sign-in' },
}

/** /reset asks for a link by mail, /reset/:token chooses the new password with it. */
export function resetRoutes(on: Resources, throttles: Throttles): Router {
  const router = Router()
  const showAsk = (_req: Request, res: Response, shown: Shown): void =>
    showPage(res, 'accounts/reset', shown)
  const showChoose = async (req: Request, res: Response, shown: Shown): Promise<void> => {
    const holder = await readReset(on, (req.params as Link).token)
    if (holder) showPage(res, 'accounts/choose-password', { ...shown, email: holder.email })
    else showNotice(res, USED_LINK)
  }
  router.get('/reset', access('public'), (req, res) => showAsk(req, res, EMPTY))
  router.post(
    '/reset',
    access('public'),
    inForm(showAsk, async (req, res) => {
      await askReset(on, throttles, readForm(AskForm, req).email)
      showNotice(res, mailed(on, ON_ITS_WAY))
    }),
  )
  router.get('/reset/:token', access('public'), (req, res) => showChoose(req, res, EMPTY))
  router.post(
    '/reset/:token',
    access('public'),
    inForm(showChoose, async (req, res) => {
      const { token } = req.params as Link
      const { password } = readForm(ChooseForm, req)
      await resetPassword(on, token, { password, source: sourceOf(req) })
      res.redirect(303, '/login?done=reset')
    }),
  )
  return router
}
