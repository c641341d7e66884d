import { Router, type Request, type Response } from 'express'
import { z } from 'zod'
import { access } from '../http/access.ts'
import { EMPTY, inForm, type Shown } from '../http/form-page.ts'
import { readForm } from '../http/forms.ts'
import { tryOf } from '../http/known-browser.ts'
import { showNotice, type Notice } from '../http/notice.ts'
import { showPage } from '../http/page.ts'
import { startSession } from '../http/session.ts'
import { whyWeAsk } from '../privacy/why.ts'
import type { Resources } from '../resources.ts'
import { confirmSignUp, readSignUp, signUp, usedUp } from './sign-up.ts'
import type { Throttles } from './throttle.ts'

const text = (missing: string) => z.string(missing).min(1, missing).max(1_000, 'This is too long.')
/** What the policy says, and nothing else: a field more is refused, so that whoever sends it learns that nobody wants it. */
const SignUpForm = z.strictObject({
  organization: text('Enter the name of your organization.'),
  name: text('Enter your name.'),
  email: text('Enter your e-mail.'),
  password: text('Choose a password.'),
})
const WHY = {
  organization: whyWeAsk('organizations', 'name'),
  name: whyWeAsk('users', 'name'),
  email: whyWeAsk('users', 'email'),
  password: whyWeAsk('users', 'password_hash'),
}
const ConfirmForm = z.strictObject({ password: text('Enter the password you chose.') })

const CLOSED: Notice = {
  status: 403,
  title: 'Sign-up is closed here',
  lines: ['People come by invitation. Ask somebody who works here already for a link.'],
  link: { href: '/login', text: 'To the sign-in' },
}
export const USED_LINK: Notice = {
  status: 410,
  title: 'This link does not work any more',
  lines: ['It was used already or has run out. Nothing is lost: sign in, or ask for a new link.'],
  link: { href: '/login', text: 'To the sign-in' },
}

/** Said whether the address is new or has an account. */
const CHECK_MAIL: Notice = {
  status: 200,
  title: 'Check your mail',
  lines: [
    'If the address can be used, a link is on its way to it. It works for 24 hours.',
    'Nothing there? Look among the unwanted mail, or sign up again.',
  ],
  link: { href: '/login', text: 'To the sign-in' },
}

/** Without SMTP mail is kept for the operator, who has to hand over the link: say so instead of letting people wait. */
export const mailed = (on: Resources, notice: Notice): Notice =>
  on.config.SMTP_URL === undefined
    ? {
        ...notice,
        lines: [
          ...notice.lines,
          'This installation sends no mail yet. Its operator finds the link under Operations, Mail.',
        ],
      }
    : notice

/** /signup makes an organization and its owner; /signup/:token confirms the address. */
export function signUpRoutes(on: Resources, throttles: Throttles): Router {
  const router = Router()
  const show = (_req: Request, res: Response, shown: Shown): void =>
    showPage(res, 'accounts/signup', { ...shown, why: WHY })
  const isClosed = on.config.SIGNUP === 'closed'
  router.get('/signup', access('public'), (req, res) => {
    if (req.who) res.redirect(303, '/inbox')
    else if (isClosed) showNotice(res, CLOSED)
    else show(req, res, EMPTY)
  })
  router.post(
    '/signup',
    access('public'),
    inForm(show, async (req, res) => {
      if (isClosed) return showNotice(res, CLOSED)
      const form = readForm(SignUpForm, req)
      await throttles.signUp(req.ip ?? '')
      const signed = await signUp(on, throttles, form)
      if (signed === 'check_mail') return showNotice(res, mailed(on, CHECK_MAIL))
      await startSession(on, req, { ...signed, authAt: on.now().getTime() })
      res.redirect(303, '/inbox')
    }),
  )
  confirmRoutes(router, on, throttles)
  return router
}

function confirmRoutes(router: Router, on: Resources, throttles: Throttles): void {
  type Link = { token: string }
  const show = async (req: Request, res: Response, shown: Shown): Promise<void> => {
    const holder = await readSignUp(on, (req.params as Link).token)
    if (holder?.signup?.org) showPage(res, 'accounts/confirm', { ...shown, email: holder.email })
    else showNotice(res, USED_LINK)
  }
  router.get('/signup/:token', access('public'), (req, res) => show(req, res, EMPTY))
  router.post(
    '/signup/:token',
    access('public'),
    inForm(show, async (req, res) => {
      const { token } = req.params as Link
      const holder = await readSignUp(on, token)
      if (!holder) throw usedUp()
      const attempt = tryOf(on, req, holder.email)
      await throttles.signIn(attempt)
      const signed = await confirmSignUp(on, token, readForm(ConfirmForm, req).password)
      await throttles.signedIn(attempt)
      await startSession(on, req, { ...signed, authAt: on.now().getTime() })
      res.redirect(303, '/inbox')
    }),
  )
}
