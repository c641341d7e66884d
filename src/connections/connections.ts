import { audit, SYSTEM, type AuditActor } from '../audit/audit.ts'
import { constraintOf, rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'
import { openFor } from '../keys.ts'
import { replayNumber } from '../ops/replay.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import type { Secret } from '../secret.ts'
import { askSync } from '../templates/syncs.ts'
import { sealSecrets, tokenFrom, type Secrets } from './secrets.ts'
import type { Check } from './verdict.ts'

/** A WhatsApp number of an organization, without its secrets: they are never handed out again. */
export type Connection = {
  id: string
  name: string
  phone_number_id: string
  waba_id: string
  display_phone: string | null
  state: 'pending' | 'active' | 'disabled' | 'suspended' | 'removed'
  state_reason: string | null
  quality: string | null
  throughput: number
  /** ISO times of what Meta last did with the callback, and the last answer of a check. */
  settings: { handshake_at?: string; webhook_at?: string; check?: Check }
  verified_at: Date | null
  created_at: Date
}

export type NewConnection = {
  name?: string | undefined
  phoneNumberId: string
  wabaId: string
  displayPhone?: string | undefined
  /** The operator's word that the number is theirs; others prove it by a check against the Graph API. */
  isVouchedFor?: boolean
  by?: AuditActor
} & Secrets

const COLUMNS = `id, name, phone_number_id, waba_id, display_phone, state, state_reason, quality,
  throughput, settings, verified_at, created_at`
/** The ids become parts of Graph paths, so nothing that could leave a path segment. */
const ID = /^[A-Za-z0-9_-]{1,64}$/

/** Where Meta sends this connection's webhooks, below APP_URL. */
export const webhookPath = (id: string): string => `/webhooks/whatsapp/${id}`

/**
 * Connect a number; its secrets are sealed under the organization's data key. Webhooks for it are accepted
 * when this returns, and those
 * that came for it earlier are on their way. Throws Refusal 422 for ids or secrets that cannot be right, and 409 `number_connected`
 * when the organization has the number already.
 */
export async function createConnection(
  on: Resources,
  org: string,
  given: NewConnection,
): Promise<{ id: string; webhookPath: string }> {
  checkIds(given)
  const id = newId()
  const { accessToken, appSecret, verifyToken } = given
  await on.db
    .withTenant(org, async (tx) => {
      const sealed = await sealSecrets(on, tx, { org, id }, { accessToken, appSecret, verifyToken })
      await tx('connections').insert({
        org_id: org,
        id,
        name: given.name ?? '',
        phone_number_id: given.phoneNumberId,
        waba_id: given.wabaId,
        display_phone: given.displayPhone ?? null,
        verified_at: given.isVouchedFor ? on.now() : null,
        ...sealed,
      })
      await askSync(tx, org, given.wabaId)
      const target = { kind: 'connection', id }
      await audit(tx, org, { actor: given.by ?? SYSTEM, action: 'connection.created', target })
    })
    .catch(refuseSecondOne)
  await announce(on)
  await on.queues.addSync({ org, waba: given.wabaId })
  const number = { org, phoneNumberId: given.phoneNumberId, isProven: given.isVouchedFor ?? false }
  await replayNumber(on, number).catch((error: unknown) => {
    on.log.warn({ err: error, connection: id }, 'earlier webhooks stay dead letters')
  })
  return { id, webhookPath: webhookPath(id) }
}

/** All connections of the organization but removed ones, oldest first. */
export const listConnections = (tx: Tx, org: string): Promise<Connection[]> =>
  rows<Connection>(
    tx,
    `select ${COLUMNS} from connections where org_id = ? and state <> 'removed' order by id`,
    [org],
  )

export async function getConnection(
  tx: Tx,
  org: string,
  id: string,
): Promise<Connection | undefined> {
  const [found] = await rows<Connection>(
    tx,
    `select ${COLUMNS} from connections where org_id = ? and id = ? and state <> 'removed'`,
    [org, id],
  )
  return found
}

/** The access token, for a Graph call that follows at once. Throws Refusal 404. */
export async function accessTokenOf(
  on: Resources,
  tx: Tx,
  org: string,
  id: string,
): Promise<Secret> {
  const [found] = await rows<{ access_token: string | null }>(
    tx,
    `select access_token from connections where org_id = ? and id = ? and state <> 'removed'`,
    [org, id],
  )
  if (!found?.access_token) throw notFound('connection')
  const place = { purpose: 'connections|access_token', org, row: id }
  return tokenFrom(await openFor(on, tx, place, found.access_token))
}

/** Note that Meta called the callback address with the right verify token just now. */
export async function noteHandshake(on: Resources, org: string, id: string): Promise<void> {
  await on.db.withTenant(org, (tx) =>
    tx.raw(
      `update connections set settings = settings || jsonb_build_object('handshake_at', ?::text)
        where org_id = ? and id = ?`,
      [on.now().toISOString(), org, id],
    ),
  )
}

/**
 * Note that webhooks arrive, at most once in ten seconds. It never waits: when another transaction has the row,
 * that one notes it. `no key update` leaves room for the key share locks of new conversations.
 */
export async function noteWebhook(tx: Tx, org: string, id: string, at: Date): Promise<void> {
  const time = at.toISOString()
  await tx.raw(
    `update connections c set settings = c.settings || jsonb_build_object('webhook_at', ?::text)
       from (select id from connections where org_id = ? and id = ?
                and coalesce((settings ->> 'webhook_at')::timestamptz, '-infinity') < ?::timestamptz - interval '10 seconds'
                for no key update skip locked) free
      where c.org_id = ? and c.id = free.id`,
    [time, org, id, time, org],
  )
}

/** Tell every process, and know it here at once: a webhook may follow within the second. */
export async function announce(on: Resources): Promise<void> {
  on.events.publish({ kind: 'connections' })
  await on.directory.refresh()
}

function checkIds({ phoneNumberId, wabaId }: NewConnection): void {
  const fields = {
    ...(ID.test(phoneNumberId)
      ? {}
      : { phone_number_id: 'This is not a phone number id of Meta.' }),
    ...(ID.test(wabaId) ? {} : { waba_id: 'This is not a WhatsApp business account id.' }),
  }
  const [first] = Object.values(fields)
  if (first) throw new Refusal(422, 'invalid', first, fields)
}

function refuseSecondOne(error: unknown): never {
  if (constraintOf(error) !== 'connections_org_id_phone_number_id_key') throw error
  const detail = 'This number is connected already. Replace its secrets instead of adding it again.'
  throw new Refusal(409, 'number_connected', detail, { phone_number_id: detail })
}
