import { authTimeOf } from '../abuse/new-network.ts'
import type { Request, Response } from 'express'
import { ownPath } from '../accounts/next-path.ts'
import { startPage } from '../preferences/preferences.ts'
import { passwordMark } from '../accounts/sign-in.ts'
import type { Resources } from '../resources.ts'
import { open, seal, SealError } from '../vault.ts'
import { cookieOf } from './cookies.ts'
import { startSession } from './session.ts'

/** Between the password and the code: who it is, not yet signed in, in a sealed cookie that ends after five minutes. */
export type Step = { user: string; org: string; next: string; email: string }
type Kept = Step & { at: number; mark: string }

const LIFE_MS = 300_000
const PLACE = { purpose: 'sign_in_step', org: 'instance', row: 'cookie' }
const isHttps = (on: Resources): boolean => on.config.APP_URL.startsWith('https:')
const cookieName = (on: Resources): string => (isHttps(on) ? '__Host-cf_step' : 'cf_step')
const flags = (on: Resources) =>
  ({ httpOnly: true, sameSite: 'lax', path: '/', secure: isHttps(on) }) as const

/** Signs in whoever needs no more than their password; everybody else is asked for a code first. */
export async function signInOrAsk(
  on: Resources,
  { req, res }: { req: Request; res: Response },
  step: Step & { needsCode: boolean },
): Promise<void> {
  const { needsCode, ...kept } = step
  if (needsCode) {
    await keepStep(on, res, kept)
    res.redirect(303, '/login/code')
    return
  }
  await startSession(on, req, {
    user: step.user,
    org: step.org,
    authAt: await authTimeOf(on, step.user),
  })
  res.redirect(303, step.next === '' ? await startPage(on, step) : ownPath(step.next))
}

async function keepStep(on: Resources, res: Response, step: Step): Promise<void> {
  const [key] = on.vault.instance
  if (!key) throw new SealError()
  const kept: Kept = { ...step, at: on.now().getTime(), mark: await passwordMark(on, step.user) }
  const value = seal(key, PLACE, JSON.stringify(kept))
  res.cookie(cookieName(on), value, { ...flags(on), maxAge: LIFE_MS })
}

/** The step of this browser; undefined when there is none, it is too old, or the password was changed meanwhile. */
export async function readStep(on: Resources, req: Request): Promise<Step | undefined> {
  const value = cookieOf(req, cookieName(on))
  const kept = value === undefined ? undefined : opened(on, value)
  if (!kept || on.now().getTime() - kept.at > LIFE_MS) return undefined
  return (await passwordMark(on, kept.user)) === kept.mark ? kept : undefined
}

export const forgetStep = (on: Resources, res: Response): void =>
  void res.clearCookie(cookieName(on), flags(on))

function opened(on: Resources, value: string): Kept | undefined {
  try {
    return JSON.parse(open(on.vault.instance, PLACE, value).toString('utf8')) as Kept
  } catch (error) {
    if (error instanceof SealError) return undefined
    throw error
  }
}
