import type { Request, RequestHandler } from 'express'
import { findApiKey, noteKeyUse } from '../accounts/api-keys.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import type { Key } from './access.ts'
import { hasSessionCookie } from './session.ts'

const BEARER = /^Bearer +([\x21-\x7e]{1,200})$/i
const NAMES_OF_KEYS = new Set(['access_token', 'api_key', 'apikey', 'key', 'token'])

/** Finds out which key calls; 401 when none does. A key in the address is refused, because addresses are written down. */
export function bearer(on: Resources): RequestHandler {
  const isNewDay = oncePerDay()
  return async (req, res, next) => {
    if (hasKeyInQuery(req))
      throw new Refusal(
        400,
        'key_in_query',
        'A key belongs in the Authorization header. This one stood in an address and may have been logged: revoke it.',
      )
    const key = await keyOfHeader(on, req)
    if (!key) {
      res.set('WWW-Authenticate', 'Bearer realm="ChatFlow API"')
      throw new Refusal(401, 'unauthorized', 'Send a valid key as Authorization: Bearer cf_….')
    }
    if (hasSessionCookie(req.get('cookie') ?? ''))
      throw new Refusal(400, 'two_identities', 'Send either a key or a session cookie, not both.')
    req.key = key
    const day = on.now().toISOString().slice(0, 10)
    if (isNewDay(key.id, day)) await noteKeyUse(on, key, day)
    next()
  }
}

async function keyOfHeader(on: Resources, req: Request): Promise<Key | undefined> {
  const [, text] = BEARER.exec(req.get('authorization') ?? '') ?? []
  return text === undefined ? undefined : findApiKey(on, text)
}

const hasKeyInQuery = (req: Request): boolean =>
  Object.entries(req.query).some(
    ([name, value]) =>
      NAMES_OF_KEYS.has(name.toLowerCase()) || [value].flat().some((v) => looksLikeKey(v)),
  )

const looksLikeKey = (value: unknown): boolean =>
  typeof value === 'string' && value.startsWith('cf_')

/** True at the first use of a key on a day in this process, so that a busy key writes its row once. */
function oncePerDay(): (id: string, day: string) => boolean {
  let today = ''
  let seen = new Set<string>()
  return (id, day) => {
    if (day !== today) seen = new Set()
    today = day
    const isNew = !seen.has(id)
    seen.add(id)
    return isNew
  }
}
