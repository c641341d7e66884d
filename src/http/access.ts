import type { NextFunction, Request, RequestHandler, Response } from 'express'
import { rankOf, type Role } from '../accounts/roles.ts'
import type { Source } from '../audit/audit.ts'
import type { Log } from '../log.ts'
import type { Preferences } from '../preferences/keys.ts'
import { Refusal } from '../refusal.ts'

/** A signed-in person in one organization, read fresh from the database for each request. */
export type Who = {
  user: string
  org: string
  orgName: string
  role: Role
  name: string
  email: string
  session: string
  isOps: boolean
  source: Source
  /** When the password was last entered in this session, in milliseconds; 0 when it was not. */
  authAt: number
  /** That was within the last 15 minutes. */
  isSudo: boolean
  /** The organization asks for a second factor, and this person has none yet. */
  mustEnroll: boolean
  preferences: Preferences
}
/** A program with a bearer key. */
export type Key = { org: string; id: string; scopes: string[] }

declare global {
  namespace Express {
    interface Request {
      id: string
      log: Log
      who?: Who
      key?: Key
    }
  }
}

/**
 * Who may call a route. `public`: anyone. `user`: signed in, whatever the role. `agent`, `admin`, `owner`: that
 * role or a higher one. `ops`: whom OPS_EMAILS names. `key`: a bearer key. `meta`: a signature decides.
 * `sandbox`: the simulator, when it is on. `link`: the token of a letter decides, whoever brings it.
 */
export type Level =
  'public' | 'user' | 'agent' | 'admin' | 'owner' | 'ops' | 'key' | 'meta' | 'sandbox' | 'link'
export const ACCESS = Symbol('access')
/** Set on routes that ask for the password again; they are writes, whose form waits meanwhile. */
export const SUDO = Symbol('sudo')
export type Guard = RequestHandler & { [ACCESS]: Level; [SUDO]: boolean }

/** Answered by a page that asks for the password and then goes on with the form as it was. */
export class SudoNeeded extends Refusal {
  constructor() {
    super(403, 'confirm_first', 'Confirm your password first, then try again.')
  }
}

/**
 * The first handler of every route. A route without one fails `test/access.test.ts`: deny by default.
 * `sudo`: only with the password entered lately, for what a stranger at an open screen must not do.
 */
export function access(level: Level, { sudo = false } = {}): Guard {
  const guard = (req: Request, res: Response, next: NextFunction): void => {
    if (['public', 'meta', 'sandbox', 'link'].includes(level)) return next()
    if (level === 'key')
      return req.key ? next() : next(new Refusal(401, 'unauthorized', 'A bearer key is needed.'))
    if (!req.who) return askToSignIn(req, res)
    if (req.who.mustEnroll && !ENROLMENT.test(req.path)) return askToEnroll(req, res)
    if (!mayEnter(req.who, level)) return next(forbidden())
    return sudo && !req.who.isSudo ? next(new SudoNeeded()) : next()
  }
  return Object.assign(guard, { [ACCESS]: level, [SUDO]: sudo })
}

/** Where somebody can still go who has to set up a second factor first. */
const ENROLMENT =
  /^\/(settings\/security(\/second-factor(\/confirmation)?|\/password|\/sessions(\/[\w-]+)?\/removal)?|settings\/profile\/organization|logout)\/?$/

/** As `askToSignIn`, to the page where a second factor is set up. */
function askToEnroll(req: Request, res: Response): void {
  if (req.path.endsWith('/stream')) res.status(403).end()
  else if (req.get('hx-request')) res.status(204).set('HX-Redirect', '/settings/security').end()
  else res.redirect(303, '/settings/security')
}

const forbidden = (): Refusal =>
  new Refusal(403, 'forbidden', 'Your role does not allow this. Ask an owner or an admin.')

function mayEnter(who: Who, level: Level): boolean {
  if (level === 'ops') return who.isOps
  return level === 'user' || rankOf(who.role) >= rankOf(level as Role)
}

/**
 * Signed out in the middle of something: a page goes to the sign-in and back; a fragment tells htmx to do so,
 * because a sign-in form swapped into a thread would be answered there.
 */
function askToSignIn(req: Request, res: Response): void {
  const from =
    req.method === 'GET' && req.get('hx-request') === undefined
      ? req.originalUrl
      : ownPath(req.get('hx-current-url') ?? req.get('referer'))
  const login = `/login?next=${encodeURIComponent(from)}`
  // With its stream extension htmx asks everything in a way that would take a stream too; the address decides.
  if (req.path.endsWith('/stream')) res.status(401).end()
  else if (req.get('hx-request')) res.status(204).set('HX-Redirect', login).end()
  else res.redirect(303, login)
}

/** The path of one of our own pages, taken from a header; `/inbox` when it is not one. */
function ownPath(url: string | undefined): string {
  if (!url || !URL.canParse(url)) return '/inbox'
  const { pathname, search } = new URL(url)
  return pathname + search
}

export function whoOf(req: Request): Who {
  if (!req.who) throw new Refusal(401, 'unauthorized', 'Sign in first.')
  return req.who
}

export function keyOf(req: Request): Key {
  if (!req.key) throw new Refusal(401, 'unauthorized', 'A bearer key is needed.')
  return req.key
}
