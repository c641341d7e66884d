import { Router, type Request, type Response } from 'express'
import { z } from 'zod'
import { access } from '../http/access.ts'
import { signInOrAsk } from '../http/factor-step.ts'
import { EMPTY, inForm, type Shown } from '../http/form-page.ts'
import { readForm } from '../http/forms.ts'
import { tryOf } from '../http/known-browser.ts'
import { showNotice, type Notice } from '../http/notice.ts'
import { showPage } from '../http/page.ts'
import { startSession } from '../http/session.ts'
import { sourceOf } from '../http/source.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { readInvitation } from './invitations.ts'
import { joinAs, joinWithPassword } from './joining.ts'
import { GIVEN } from './roles.ts'
import { hasFactor } from './second-factor.ts'
import type { SignedUp } from './sign-up.ts'
import type { Throttles } from './throttle.ts'

const JoinForm = z.strictObject({
  name: z.string().max(1_000, 'This is too long.').default(''),
  password: z.string('Enter a password.').min(1, 'Enter a password.').max(1_000),
})
type Link = { token: string }

const USED: Notice = {
  status: 410,
  title: 'This invitation does not work any more',
  lines: [
    'It was used already, taken back, or has run out. If you used it yourself, sign in.',
    'Otherwise ask who invited you for a new link.',
  ],
  link: { href: '/login', text: 'To the sign-in' },
}

/** /invite/:token: a colleague joins, with a new account, with one they have, or as who they are signed in as. */
export function inviteRoutes(on: Resources, throttles: Throttles): Router {
  const router = Router()
  const show = async (req: Request, res: Response, shown: Shown): Promise<void> => {
    const invitation = await readInvitation(on, (req.params as Link).token).catch(unlessUsedUp)
    if (!invitation) return showNotice(res, USED)
    showPage(res, 'accounts/invite', {
      ...shown,
      invitation,
      role: GIVEN.find(({ role }) => role === invitation.role),
      signedInAs: req.who?.email ?? '',
    })
  }
  router.get('/invite/:token', access('public'), (req, res) => show(req, res, EMPTY))
  router.post(
    '/invite/:token',
    access('public'),
    inForm(show, async (req, res) => {
      const { token } = req.params as Link
      if (req.who) {
        const { authAt } = req.who
        await startSession(on, req, { ...(await joinAs(on, token, req.who)), authAt })
        return res.redirect(303, '/inbox')
      }
      const { email } = await readInvitation(on, token)
      const joined = await join(on, throttles, req, token)
      const needsCode = await hasFactor(on, joined.user)
      await signInOrAsk(on, { req, res }, { ...joined, needsCode, email, next: '/inbox' })
    }),
  )
  return router
}

/** The password may be that of an account: its tries are counted as those of a sign-in. */
async function join(
  on: Resources,
  throttles: Throttles,
  req: Request,
  token: string,
): Promise<SignedUp> {
  const form = readForm(JoinForm, req)
  const attempt = tryOf(on, req, (await readInvitation(on, token)).email)
  await throttles.signIn(attempt)
  const joined = await joinWithPassword(on, token, { ...form, source: sourceOf(req) })
  await throttles.signedIn(attempt)
  return joined
}

function unlessUsedUp(error: unknown): undefined {
  if (error instanceof Refusal && error.status === 410) return undefined
  throw error
}
