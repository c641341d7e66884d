import connectPgSimple from 'connect-pg-simple'
import type { Request, RequestHandler } from 'express'
import session, { type Cookie, type CookieOptions, type SessionData } from 'express-session'
import { deviceOf } from '../accounts/device.ts'
import { ABSOLUTE_MS, beginSession, hashedId, IDLE_MS, readSession } from '../accounts/sessions.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { sourceOf } from './source.ts'

declare module 'express-session' {
  interface SessionData {
    uid: string
    org: string
    /** "Firefox on Linux", for the list of one's own devices. */
    device: string
    /** When the password was last entered, in milliseconds. */
    authAt: number
  }
}

const PgStore = connectPgSimple(session)
type Done = (error?: unknown) => void
type Got = (error: unknown, found?: SessionData | null) => void

/** The library keeps session ids as they are; a dump of this table gives nobody a cookie. */
class HashedStore extends PgStore {
  readonly #now: () => Date
  readonly #pool: Resources['pool']
  constructor(on: Resources) {
    super({
      pool: on.pool,
      schemaName: 'app',
      tableName: 'user_sessions',
      pruneSessionInterval: false,
    })
    this.#now = on.now
    this.#pool = on.pool
  }
  /** Whether its time is over `readSession` says, by the product's clock; the library would ask the machine's. */
  override get(sid: string, got: Got): void {
    this.#pool
      .query<{ sess: SessionData }>('select sess from app.user_sessions where sid = $1', [
        hashedId(sid),
      ])
      .then(
        ({ rows: [found] }) => got(null, found?.sess ?? null),
        (error: unknown) => got(error),
      )
  }
  override set(sid: string, data: SessionData, done?: Done): void {
    // The cookie may stay for 14 days, the row ends with the first idle day.
    const expires = new Date(this.#now().getTime() + IDLE_MS)
    const cookie: CookieOptions & Pick<Cookie, 'originalMaxAge'> = data.cookie
    super.set(hashedId(sid), { ...data, cookie: { ...cookie, expires } }, done)
  }
  override destroy(sid: string, done?: Done): void {
    super.destroy(hashedId(sid), done)
  }
  /** `readSession` moves the end, by the product's clock and not at every request. */
  override touch(_sid: string, _data: SessionData, done?: () => void): void {
    done?.()
  }
}

/**
 * Sign-ins in PostgreSQL, then `req.who` loaded fresh. A store that does not answer is "later" (503), never a
 * sign-out: the cookie is good and the next try finds its session.
 */
export function sessions(on: Resources): RequestHandler[] {
  const open = session({
    store: new HashedStore(on),
    name: cookieName(on),
    // The first signs, all are known: a new master key signs nobody out.
    secret:
      on.config.SESSION_SECRET?.reveal('sign_cookies') ??
      on.vault.deriveAll('session').map((secret) => secret.toString('base64url')),
    resave: false,
    saveUninitialized: false,
    cookie: {
      httpOnly: true,
      sameSite: 'lax',
      path: '/',
      secure: isHttps(on),
      maxAge: ABSOLUTE_MS,
    },
  })
  return [
    (req, res, next) =>
      open(req, res, (error?: unknown) => (error === undefined ? next() : next(later(error)))),
    async (req, _res, next) => {
      if (req.session.uid !== undefined) await findWho(on, req)
      next()
    },
  ]
}

async function findWho(on: Resources, req: Request): Promise<void> {
  const who = await readSession(on, hashedId(req.sessionID), { isUse: true }).catch(
    (error: unknown) => {
      throw later(error)
    },
  )
  if (who) req.who = { ...who, source: sourceOf(req) }
  else await endOwnSession(req)
}

/**
 * Signs a person in: a new session id, so that one known from before is worth nothing. `authAt` is when they entered
 * their password, in milliseconds.
 */
export async function startSession(
  on: Resources,
  req: Request,
  { user, org, authAt }: { user: string; org: string; authAt: number },
): Promise<void> {
  await settle((done) => req.session.regenerate(done))
  Object.assign(req.session, { uid: user, org, authAt, device: deviceOf(req.get('user-agent')) })
  await settle((done) => req.session.save(done))
  await beginSession(on, hashedId(req.sessionID), user)
}

/** The password was entered again just now. */
export async function markConfirmed(on: Resources, req: Request): Promise<void> {
  req.session.authAt = on.now().getTime()
  await settle((done) => req.session.save(done))
  if (req.who) req.who = { ...req.who, authAt: req.session.authAt, isSudo: true }
}

/** Signs out: the row goes, and the request goes on as nobody's. */
export async function endOwnSession(req: Request): Promise<void> {
  delete req.who
  await settle((done) => req.session.regenerate(done))
}

/** True when a Cookie header names our session cookie. */
export const hasSessionCookie = (cookie: string): boolean =>
  /(^|;\s*)(__Host-cf|cf_dev)=/.test(cookie)

const isHttps = (on: Resources): boolean => on.config.APP_URL.startsWith('https:')
const cookieName = (on: Resources): string => (isHttps(on) ? '__Host-cf' : 'cf_dev')

function settle(run: (done: Done) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    run((error) => (error ? reject(later(error)) : resolve()))
  })
}

function later(error: unknown): Refusal {
  const refusal = new Refusal(
    503,
    'unavailable',
    'Your sign-in cannot be checked right now. You are still signed in; try again in a moment.',
  )
  refusal.cause = error
  return refusal
}
