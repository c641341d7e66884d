import { Router, type Request, type Response } from 'express'
import { encode } from 'uqr'
import { z } from 'zod'
import { byPerson } from '../audit/audit.ts'
import { access, whoOf } from '../http/access.ts'
import { forgetStep, readStep, type Step } from '../http/factor-step.ts'
import { EMPTY, inForm, type Shown } from '../http/form-page.ts'
import { readForm } from '../http/forms.ts'
import { rememberBrowser } from '../http/known-browser.ts'
import { showPage } from '../http/page.ts'
import { startSession } from '../http/session.ts'
import { sourceOf } from '../http/source.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { normalEmail } from './fields.ts'
import { ownPath } from './next-path.ts'
import {
  beginFactor,
  confirmFactor,
  readBegun,
  removeFactor,
  renewCodes,
  takeCode,
  wrongCode,
} from './second-factor.ts'
import { noteEntered, noteSignIn } from './sign-in.ts'
import { Throttled, type Throttles } from './throttle.ts'

const SECURITY = '/settings/security'
const HOME = `${SECURITY}/second-factor`
const CodeForm = z.object({
  code: z.string('Enter the code.').trim().min(1, 'Enter the code.').max(100, 'This is too long.'),
})

/** The code after the password at a sign-in, and setting a second factor up, changing its codes and turning it off. */
export function factorRoutes(on: Resources, throttles: Throttles): Router {
  const router = Router()
  stepRoutes(router, on, throttles)
  setUpRoutes(router, on, throttles)
  router.post(`${HOME}/removal`, access('user', { sudo: true }), async (req, res) => {
    const { user, email, session, source } = whoOf(req)
    await removeFactor(on, { user, email, session, by: byPerson({ user, source }) })
    res.redirect(303, `${SECURITY}?factor=off`)
  })
  router.post(`${HOME}/recovery-codes`, access('user', { sudo: true }), async (req, res) => {
    const codes = await renewCodes(on, whoOf(req))
    showPage(res, 'accounts/recovery-codes', { codes, isNew: false })
  })
  return router
}

function stepRoutes(router: Router, on: Resources, throttles: Throttles): void {
  const show = (_req: Request, res: Response, shown: Shown): void =>
    showPage(res, 'accounts/login-code', shown)
  router.get('/login/code', access('public'), async (req, res) => {
    if (await readStep(on, req)) show(req, res, EMPTY)
    else res.redirect(303, '/login')
  })
  router.post(
    '/login/code',
    access('public'),
    inForm(show, async (req, res) => {
      const step = await readStep(on, req)
      if (!step) return res.redirect(303, '/login?done=late')
      await checkCode(on, throttles, req, step)
      forgetStep(on, res)
      await startSession(on, req, { ...step, authAt: on.now().getTime() })
      rememberBrowser(on, res, throttles.knownMark(normalEmail(step.email)))
      res.redirect(303, ownPath(step.next))
    }),
  )
}

/** Five tries in a quarter of an hour, whoever brings them: a password that leaked is not followed by guessing. */
async function checkCode(
  on: Resources,
  throttles: Throttles,
  req: Request,
  { user, org }: Step,
): Promise<void> {
  const { code } = readForm(CodeForm, req)
  const source = sourceOf(req)
  await throttles.code(user).catch(async (error: unknown) => {
    if (error instanceof Throttled && error.isFirst)
      await noteSignIn(on, { user, source }, 'sign_in.blocked')
    throw error
  })
  if (!(await takeCode(on, { user, source }, code))) {
    await noteSignIn(on, { user, source }, 'factor.failed')
    throw wrongCode()
  }
  await throttles.codeTaken(user)
  await noteEntered(on, { user, org, source })
}

function setUpRoutes(router: Router, on: Resources, throttles: Throttles): void {
  const show = async (req: Request, res: Response, shown: Shown): Promise<void> => {
    const begun = await readBegun(on, whoOf(req))
    if (!begun) return res.redirect(303, SECURITY)
    showPage(res, 'accounts/factor-setup', {
      ...shown,
      square: squareOf(begun.address),
      text: begun.text.match(/.{1,4}/g)?.join(' '),
      address: begun.address,
    })
  }
  router.post(HOME, access('user', { sudo: true }), async (req, res) => {
    await beginFactor(on, whoOf(req).user)
    res.redirect(303, HOME)
  })
  router.get(HOME, access('user'), (req, res) => show(req, res, EMPTY))
  router.post(
    `${HOME}/confirmation`,
    access('user', { sudo: true }),
    inForm(show, async (req, res) => {
      const who = whoOf(req)
      const { code } = readForm(CodeForm, req)
      await throttles.code(who.user)
      const codes = await confirmFactor(on, who, code).catch((error: unknown) => {
        if (error instanceof Refusal && error.status === 404) return undefined
        throw error
      })
      if (!codes) return res.redirect(303, SECURITY)
      await throttles.codeTaken(who.user)
      showPage(res, 'accounts/recovery-codes', { codes, isNew: true })
    }),
  )
}

/** The dark modules of a QR code as one path, in a square of `size` modules: nothing of it leaves this server. */
function squareOf(address: string): { size: number; path: string } {
  const { data, size } = encode(address, { ecc: 'M', border: 4 })
  const path = data
    .flatMap((row, y) => {
      const runs = row
        .map((isDark) => (isDark ? '#' : ' '))
        .join('')
        .matchAll(/#+/g)
      return Array.from(
        runs,
        ({ index, 0: { length } }) => `M${index} ${y}h${length}v1h-${length}z`,
      )
    })
    .join('')
  return { size, path }
}
