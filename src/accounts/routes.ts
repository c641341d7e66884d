import { Router, type Request, type Response } from 'express'
import { z } from 'zod'
import { access } from '../http/access.ts'
import { signInOrAsk } from '../http/factor-step.ts'
import { EMPTY, inForm, type Shown } from '../http/form-page.ts'
import { readForm } from '../http/forms.ts'
import { rememberBrowser, tryOf } from '../http/known-browser.ts'
import { showPage } from '../http/page.ts'
import { endOwnSession } from '../http/session.ts'
import { sourceOf } from '../http/source.ts'
import { preferenceRoutes } from '../preferences/routes.ts'
import type { Resources } from '../resources.ts'
import { emailRoutes } from './email-routes.ts'
import { factorRoutes } from './factor-routes.ts'
import { inviteRoutes } from './invite-routes.ts'
import { memberRoutes } from './member-routes.ts'
import { ownPath } from './next-path.ts'
import { resetRoutes } from './reset-routes.ts'
import { endSession } from './sessions.ts'
import { settingsRoutes } from './settings-routes.ts'
import { noteBlocked, signIn } from './sign-in.ts'
import { signUpRoutes } from './sign-up-routes.ts'
import { openThrottles, Throttled, type Throttles } from './throttle.ts'

const text = (missing: string) => z.string(missing).min(1, missing).max(1_000, 'This is too long.')
const LoginForm = z.object({
  email: text('Enter your e-mail.'),
  password: text('Enter your password.'),
  next: z.string().max(2_000).default(''),
})

/** What became of the page before, told on the sign-in page. */
const NOTICES: Record<string, string> = {
  reset: 'Your password is changed and all sign-ins ended. Sign in with the new one.',
  late: 'That took longer than five minutes. Sign in once more.',
  out: 'You are signed out.',
  left: 'You left the organization.',
}

/** Ways in and out, and what people set for themselves and their organization. */
export function accountRoutes(on: Resources): Router {
  const router = Router()
  const throttles = openThrottles(on)
  const showLogin = loginPage(on)
  router.get('/login', access('public'), (req, res) =>
    req.who ? res.redirect(303, ownPath(req.query['next'])) : showLogin(req, res, EMPTY),
  )
  router.post(
    '/login',
    access('public'),
    inForm(showLogin, (req, res) => login(on, throttles, req, res)),
  )
  router.get('/logout', access('public'), (req, res) =>
    req.who ? showPage(res, 'accounts/logout') : res.redirect(303, '/login'),
  )
  router.post('/logout', access('public'), (req, res) => logout(on, req, res))
  router.use(signUpRoutes(on, throttles))
  router.use(inviteRoutes(on, throttles))
  router.use(resetRoutes(on, throttles))
  router.use(factorRoutes(on, throttles))
  router.use(settingsRoutes(on, throttles))
  router.use(memberRoutes(on, throttles))
  router.use(preferenceRoutes(on))
  router.use(emailRoutes(on, throttles))
  return router
}

function loginPage(on: Resources) {
  return (req: Request, res: Response, shown: Shown): void => {
    const { next, done } = req.query
    showPage(res, 'accounts/login', {
      ...shown,
      next: shown.values['next'] ?? (typeof next === 'string' ? next : ''),
      notice: typeof done === 'string' ? (NOTICES[done] ?? '') : '',
      isOpen: on.config.SIGNUP === 'open',
    })
  }
}

async function login(
  on: Resources,
  throttles: Throttles,
  req: Request,
  res: Response,
): Promise<void> {
  const form = readForm(LoginForm, req)
  const attempt = tryOf(on, req, form.email)
  const source = sourceOf(req)
  await throttles.signIn(attempt).catch(async (error: unknown) => {
    if (error instanceof Throttled && error.isFirst)
      await noteBlocked(on, { email: form.email, source, throttled: error })
    throw error
  })
  const signed = await signIn(on, { ...form, source })
  await throttles.signedIn(attempt)
  if (!signed.needsCode) rememberBrowser(on, res, throttles.knownMark(attempt.email))
  await signInOrAsk(on, { req, res }, { ...signed, email: attempt.email, next: form.next })
}

async function logout(on: Resources, req: Request, res: Response): Promise<void> {
  if (req.who) await endSession(on, req.who.user, req.who.session)
  await endOwnSession(req)
  res.set('Clear-Site-Data', '"cache"').redirect(303, '/login?done=out')
}
