import { createHmac } from 'node:crypto'
import { SYSTEM } from '../audit/audit.ts'
import { disconnect, listGranted, type Grant } from '../connections/grants.ts'
import { rows } from '../db.ts'
import { findDeletion } from '../deletions/deletion.ts'
import { requestDeletion } from '../deletions/request.ts'
import type { Resources } from '../resources.ts'
import { isSignedWith, readSigned, splitSigned, type Signed } from './signed-request.ts'

/** What a verified callback is about, or a line of Meta's list; `received` where that was not just now. */
export type Callback = { grant: Grant; issued: number; received?: Date }

/**
 * The callback in a form's `signed_request`, or undefined for anything that the named app did not sign. Without `app`
 * it is the installation's own; otherwise the app of organizations, and only those whose own secret signed are meant:
 * naming somebody else's app reaches nothing of theirs.
 */
export async function readCallback(
  on: Resources,
  signedRequest: unknown,
  app: unknown,
): Promise<Callback | undefined> {
  const signed = splitSigned(signedRequest)
  const content = signed && readSigned(signed, on.now())
  return content && readFor(on, { signed, ...content }, app)
}

async function readFor(
  on: Resources,
  { signed, user, issued }: { signed: Signed; user: string; issued: number },
  app: unknown,
): Promise<Callback | undefined> {
  const { META_APP_ID: own = '0', META_APP_SECRET: secret } = on.config
  if (app === undefined || app === own)
    return isSignedWith(signed, secret)
      ? { grant: { app: own, user, orgs: [] }, issued }
      : undefined
  if (typeof app !== 'string' || !/^\d{1,32}$/.test(app)) return undefined
  const orgs = await listSigners(on, signed, app)
  return orgs.length > 0 ? { grant: { app, user, orgs }, issued } : undefined
}

async function listSigners(on: Resources, signed: Signed, app: string): Promise<string[]> {
  const connected = await on.db.withSystem((tx) =>
    rows<{ org_id: string; id: string }>(tx, 'select org_id, id from app_connections(?)', [app]),
  )
  const signers = connected.filter(({ id }) =>
    isSignedWith(signed, on.directory.find(id)?.appSecret),
  )
  return [...new Set(signers.map(({ org_id }) => org_id))].toSorted()
}

/**
 * Deletes what was got through this person's grant, and answers the code to follow it by. The same callback again, or
 * another one while the deletion is under way, gets the same code and makes nothing; so does a person nobody knows.
 * Source: Meta, data deletion callback; promise P41.
 */
export async function deleteGrant(
  on: Resources,
  { grant, issued, received }: Callback,
): Promise<string> {
  const code = keyed(on, 'meta_codes', grant, String(issued)).subarray(0, 24).toString('base64url')
  if (await findDeletion(on, code)) return code
  const asked = await requestDeletion(on, {
    kind: 'meta_user',
    subject: uuidOf(keyed(on, 'meta_users', grant)),
    road: 'meta',
    by: SYSTEM,
    code,
    ...(received ? { received } : {}),
    values: [grant.app, grant.user, ...grant.orgs],
  })
  return asked.code
}

/** The token is destroyed and nothing is sent any more, before this returns; conversations stay. */
export async function deauthorize(on: Resources, { grant }: Callback): Promise<void> {
  for (const at of await listGranted(on, grant)) await disconnect(on, at)
}

const keyed = (on: Resources, purpose: string, grant: Grant, ...more: string[]): Buffer =>
  createHmac('sha256', on.vault.derive(purpose))
    .update(JSON.stringify([grant.app, grant.user, grant.orgs, ...more]))
    .digest()

/** A deletion's subject is a UUID; this one can be made again from the ids, and they not from it. */
function uuidOf(bytes: Buffer): string {
  const hex = bytes.subarray(0, 16).toString('hex')
  const variant = ((bytes[8] ?? 0) & 0x3f) | 0x80
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    variant.toString(16) + hex.slice(18, 20),
    hex.slice(20),
  ].join('-')
}
