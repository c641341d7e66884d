import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express'
import { z } from 'zod'
import { confirmSelf } from '../accounts/sudo.ts'
import { hasFactor } from '../accounts/second-factor.ts'
import { openThrottles, type Throttles } from '../accounts/throttle.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { open, seal, SealError, type Place } from '../vault.ts'
import { SudoNeeded, whoOf, type Who } from './access.ts'
import { EMPTY, type Shown } from './form-page.ts'
import { tryOf } from './known-browser.ts'
import { showPage, wantsFragment, wantsJson } from './page.ts'
import { markConfirmed } from './session.ts'

/** What the page that asks for the password sends back to the address the form was for. */
const Confirmation = z.object({
  confirm_password: z.string().max(1_000),
  confirm_code: z.string().max(100).default(''),
  sealed_form: z.string().min(1),
})
type Waiting = { path: string; body: unknown }

/**
 * A form that came without a fresh password is answered with a page that asks for one and carries the form along,
 * sealed for this session: it may hold secrets, and no page shows one.
 */
export function askConfirmation(on: Resources): ErrorRequestHandler {
  return async (error: unknown, req, res, next) => {
    if (!(error instanceof SudoNeeded) || wantsJson(req) || wantsFragment(req)) return next(error)
    const waiting: Waiting = { path: req.originalUrl, body: req.body as unknown }
    return ask(on, req, res, { sealed: sealForm(on, whoOf(req), waiting), ...EMPTY })
  }
}

/** The password is there: the form goes on as it was first sent. Tries are counted as those of a sign-in. */
export function takeConfirmation(on: Resources): RequestHandler {
  const throttles = openThrottles(on)
  return async (req, res, next) => {
    const given = Confirmation.safeParse(req.body)
    if (req.method !== 'POST' || !req.who || !given.success) return next()
    const { sealed_form: sealed } = given.data
    const waiting = openForm(on, req.who, sealed)
    if (waiting?.path !== req.originalUrl) throw outdated()
    try {
      await confirm(on, throttles, req, given.data)
    } catch (error) {
      if (!(error instanceof Refusal) || error.status >= 500) throw error
      res.status(error.status)
      const { fields: errors, message: problem } = error
      return ask(on, req, res, { sealed, values: {}, errors, problem })
    }
    req.body = waiting.body
    return next()
  }
}

async function confirm(
  on: Resources,
  throttles: Throttles,
  req: Request,
  given: z.infer<typeof Confirmation>,
): Promise<void> {
  const who = whoOf(req)
  const attempt = { ...tryOf(on, req, who.email), known: throttles.knownMark(who.email) }
  await throttles.signIn(attempt)
  const fits = await confirmSelf(on, who, {
    password: given.confirm_password,
    code: given.confirm_code,
  })
  if (fits !== 'yes') {
    const [field, detail] = WRONG[fits]
    throw new Refusal(422, fits, detail, { [field]: detail })
  }
  await throttles.signedIn(attempt)
  await markConfirmed(on, req)
}

const WRONG = {
  wrong_password: ['confirm_password', 'This is not your password.'],
  wrong_code: ['confirm_code', 'This code does not fit. Each works once: take the next one.'],
} as const

async function ask(
  on: Resources,
  req: Request,
  res: Response,
  page: Shown & { sealed: string },
): Promise<void> {
  const needsCode = await hasFactor(on, whoOf(req).user)
  if (res.statusCode === 200) res.status(403)
  showPage(res, 'accounts/sudo', { ...page, action: req.originalUrl, needsCode })
}

const placeOf = (who: Who): Place => ({ purpose: 'sudo_form', org: who.org, row: who.session })

function sealForm(on: Resources, who: Who, waiting: Waiting): string {
  const [key] = on.vault.instance
  if (!key) throw new SealError()
  return seal(key, placeOf(who), JSON.stringify(waiting))
}

function openForm(on: Resources, who: Who, sealed: string): Waiting | undefined {
  try {
    return JSON.parse(open(on.vault.instance, placeOf(who), sealed).toString('utf8')) as Waiting
  } catch (error) {
    if (error instanceof SealError) return undefined
    throw error
  }
}

const outdated = (): Refusal =>
  new Refusal(
    409,
    'outdated_form',
    'This page belongs to an earlier sign-in. Go back to settings and fill in the form again.',
  )
