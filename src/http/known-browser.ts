import type { Request, Response } from 'express'
import { normalEmail } from '../accounts/fields.ts'
import type { Try } from '../accounts/throttle.ts'
import type { Resources } from '../resources.ts'
import { cookieOf } from './cookies.ts'

const HALF_A_YEAR_MS = 182 * 86_400_000

const isHttps = (on: Resources): boolean => on.config.APP_URL.startsWith('https:')
const cookieName = (on: Resources): string => (isHttps(on) ? '__Host-cf_known' : 'cf_known')

/** Who tries to sign in: the account, the network, and the mark of an earlier sign-in from this browser. */
export const tryOf = (on: Resources, req: Request, email: string): Try => ({
  email: normalEmail(email),
  ip: req.ip ?? '',
  known: cookieOf(req, cookieName(on)),
})

/** Leaves the mark in the browser: its tries are then counted apart from those of strangers. */
export function rememberBrowser(on: Resources, res: Response, mark: string): void {
  res.cookie(cookieName(on), mark, {
    httpOnly: true,
    sameSite: 'lax',
    secure: isHttps(on),
    maxAge: HALF_A_YEAR_MS,
  })
}
