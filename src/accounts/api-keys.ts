import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { audit, SYSTEM, type AuditActor } from '../audit/audit.ts'
import { rows, type Tx } from '../db.ts'
import { digest, isId, newId } from '../ids.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'

export const SCOPES = ['read', 'write'] as const
type Scope = (typeof SCOPES)[number]
export type ApiKey = {
  id: string
  name: string
  /** The last four characters, to tell keys apart. */
  hint: string
  scopes: string[]
  created_by_name: string | null
  created_at: Date
  last_used_on: Date | null
  expires_at: Date | null
  revoked_at: Date | null
}

const LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** 43 of 62 letters hold 256 bits. */
const SECRET_LENGTH = 43
const CHECK_LENGTH = 6
const FORM = /^cf_([0-9A-Za-z]{43})_([0-9A-Za-z]{6})$/
const NAME_LENGTH = 100

type Wanted = { name: string; scopes?: readonly string[]; by?: AuditActor }

/**
 * A new key for programs; only its digest is kept, so this is the one time it can be read.
 * Throws Refusal 422 for an empty name or an unknown scope, 404 for an unknown organization.
 */
export async function createApiKey(
  on: Resources,
  org: string,
  wanted: Wanted,
): Promise<{ id: string; key: string }> {
  const name = wanted.name.trim()
  const scopes = check(name, [...new Set(wanted.scopes ?? SCOPES)])
  const actor = wanted.by ?? SYSTEM
  const createdBy = actor.kind === 'user' ? (actor.id ?? null) : null
  if (!isId(org)) throw notFound('organization')
  const id = newId()
  const key = newKey()
  await on.db.withTenant(org, async (tx) => {
    if ((await rows(tx, 'select from organizations where org_id = ?', [org])).length === 0)
      throw notFound('organization')
    await tx.raw(
      `insert into api_keys (org_id, id, name, key_digest, hint, scopes, created_by)
       values (?, ?, ?, ?, ?, ?, ?)`,
      [org, id, name, digest(key), key.slice(-4), scopes, createdBy],
    )
    const target = { kind: 'api_key', id }
    await audit(tx, org, { actor, action: 'api_key.created', target, detail: { scopes } })
  })
  return { id, key }
}

function check(name: string, scopes: string[]): Scope[] {
  if (name === '' || name.length > NAME_LENGTH) {
    const sentence = `Give the key a name of 1 to ${NAME_LENGTH} characters.`
    throw new Refusal(422, 'invalid', sentence, { name: sentence })
  }
  const known = SCOPES.filter((scope) => scopes.includes(scope))
  if (scopes.length === 0 || known.length < scopes.length) {
    const sentence = `Choose scopes among ${SCOPES.join(', ')}.`
    throw new Refusal(422, 'invalid', sentence, { scopes: sentence })
  }
  return known
}

/**
 * The organization and scopes behind a key, or undefined for one that is mistyped, unknown, expired or revoked.
 * The checksum spares the database what cannot be a key of ours.
 */
export async function findApiKey(
  on: Resources,
  key: string,
): Promise<{ org: string; id: string; scopes: string[] } | undefined> {
  const [, secret, sum] = FORM.exec(key) ?? []
  if (secret === undefined || sum !== checksum(secret)) return undefined
  const [found] = await on.db.withSystem((tx) =>
    rows<{ org_id: string; id: string; scopes: string[] }>(
      tx,
      'select org_id, id, scopes from lookup_api_key(?)',
      [digest(key)],
    ),
  )
  return found && { org: found.org_id, id: found.id, scopes: found.scopes }
}

export async function listApiKeys(tx: Tx, org: string): Promise<ApiKey[]> {
  return rows<ApiKey>(
    tx,
    `select k.id, k.name, k.hint, k.scopes, u.name as created_by_name, k.created_at, k.last_used_on,
            k.expires_at, k.revoked_at
       from api_keys k left join users u on u.id = k.created_by
      where k.org_id = ? order by k.revoked_at is not null, k.id desc`,
    [org],
  )
}

/** Ends a key for good; the next request with it is refused. Revoking twice keeps the first time. */
export async function revokeApiKey(
  on: Resources,
  org: string,
  id: string,
  actor: AuditActor = SYSTEM,
): Promise<void> {
  if (!isId(id)) throw notFound('key')
  await on.db.withTenant(org, async (tx) => {
    const [key] = await rows<{ revoked: boolean }>(
      tx,
      `select revoked_at is not null as revoked from api_keys where org_id = ? and id = ? for update`,
      [org, id],
    )
    if (!key) throw notFound('key')
    if (key.revoked) return
    await tx.raw(`update api_keys set revoked_at = ? where org_id = ? and id = ?`, [
      on.now(),
      org,
      id,
    ])
    await audit(tx, org, { actor, action: 'api_key.revoked', target: { kind: 'api_key', id } })
  })
}

/** Remembers the day a key was last used, and nothing finer: who calls when is nobody's business. */
export async function noteKeyUse(
  on: Resources,
  key: { org: string; id: string },
  day: string,
): Promise<void> {
  await on.db.withTenant(key.org, (tx) =>
    tx.raw(
      `update api_keys set last_used_on = ? where org_id = ? and id = ? and last_used_on is distinct from ?::date`,
      [day, key.org, key.id, day],
    ),
  )
}

function newKey(): string {
  let secret = ''
  while (secret.length < SECRET_LENGTH) secret += letter(randomBytes(1)[0] ?? 255)
  return `cf_${secret}_${checksum(secret)}`
}

/** 248 is the largest multiple of 62 in a byte; what lies above would make some letters likelier. */
const letter = (byte: number): string => (byte < 248 ? (LETTERS[byte % 62] ?? '') : '')

function checksum(secret: string): string {
  let rest = crc32(secret)
  let text = ''
  while (text.length < CHECK_LENGTH) {
    text = LETTERS.charAt(rest % 62) + text
    rest = Math.floor(rest / 62)
  }
  return text
}
