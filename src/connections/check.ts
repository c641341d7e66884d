import { z } from 'zod'
import type { Tx } from '../db.ts'
import { notFound } from '../refusal.ts'
import { replayNumber } from '../ops/replay.ts'
import type { Resources } from '../resources.ts'
import { Secret } from '../secret.ts'
import { wakeConnection } from '../sending/hold.ts'
import { askSync } from '../templates/syncs.ts'
import { accessTokenOf, announce, getConnection, type Connection } from './connections.ts'
import { clean, readGraph, type Failure } from './graph-answer.ts'
import { explainCheck, type Check } from './verdict.ts'

type Finding = Omit<Check, 'at'>
/** Whose token it is: the Meta app, and the person in it who granted it. */
type Told = Omit<Finding, 'expires_at'> &
  Partial<Pick<Finding, 'expires_at'>> & { grant?: { app: string; user: string | null } }

const TIMEOUT_MS = 8_000
const FIELDS = 'id,display_phone_number,verified_name,quality_rating,status,throughput'
const NEEDED = ['whatsapp_business_messaging', 'whatsapp_business_management']

const PhoneNumber = z.object({
  display_phone_number: z.string().max(64).optional(),
  quality_rating: z.string().max(32).optional(),
  throughput: z.object({ level: z.string() }).optional(),
})
const TokenFacts = z.object({
  data: z.object({
    app_id: z.string().optional(),
    user_id: z.string().optional(),
    is_valid: z.boolean(),
    expires_at: z.number().optional(),
    scopes: z.array(z.string()).default([]),
    granular_scopes: z
      .array(z.object({ scope: z.string(), target_ids: z.array(z.string()).optional() }))
      .default([]),
    error: z.object({ code: z.number().optional(), message: z.string().optional() }).optional(),
  }),
})

/**
 * Ask Meta whether the connection's number and token belong together and may send, and keep the answer.
 * `detail` is for people: what Meta said and what to do. A bad answer stops nothing; a good one lifts a
 * suspension and sends what waits. Throws Refusal 404.
 * Source: WhatsApp Cloud API, phone number node; Graph API, debug_token.
 */
export async function testConnection(
  on: Resources,
  org: string,
  id: string,
): Promise<{ ok: boolean; detail: string }> {
  const { connection, token } = await on.db.withTenant(org, async (tx) => {
    const found = await getConnection(tx, org, id)
    if (!found) throw notFound('connection')
    return { connection: found, token: await accessTokenOf(on, tx, org, id) }
  })
  const key = { org, token }
  const number = await askNumber(on, connection, key)
  const { grant, ...finding }: Told =
    'outcome' in number ? number : await askToken(on, connection, key)
  const check: Check = { at: on.now().toISOString(), expires_at: null, ...finding }
  const ok = check.outcome === 'ok'
  await on.db.withTenant(org, async (tx) => {
    await keep(on, tx, { org, id }, { check, grant, facts: 'outcome' in number ? {} : number })
    if (ok) await askSync(tx, org, connection.waba_id)
  })
  if (ok) await welcome(on, org, connection)
  if (ok && connection.state === 'suspended') await wakeConnection(on, org, id)
  const { title, said, mend } = explainCheck(check)
  return { ok, detail: [title, said, mend].filter(Boolean).join(' ') }
}

/** The number is proven: everybody may know, and what came for it before is stored now. */
async function welcome(on: Resources, org: string, connection: Connection): Promise<void> {
  await announce(on)
  await on.queues.addSync({ org, waba: connection.waba_id })
  const number = { org, phoneNumberId: connection.phone_number_id, isProven: true }
  await replayNumber(on, number).catch((error: unknown) => {
    on.log.warn({ err: error, connection: connection.id }, 'earlier webhooks stay dead letters')
  })
}

type Key = { org: string; token: Secret }
const QUESTION = { purpose: 'check_connection', method: 'GET', timeoutMs: TIMEOUT_MS } as const

/** Meta's facts about the number, or why there are none. */
async function askNumber(
  on: Resources,
  { phone_number_id }: Connection,
  key: Key,
): Promise<z.infer<typeof PhoneNumber> | Failure> {
  const path = `/${phone_number_id}?fields=${FIELDS}`
  const answer = await on.egress.graph({ ...QUESTION, ...key, path })
  return readGraph(PhoneNumber, answer, key.token)
}

/**
 * With an app of the instance's own, Meta also tells what the token may do and until when. Whose it is, a token may ask
 * about itself: Meta's callbacks name an app and a person, and find the connection by them.
 */
async function askToken(
  on: Resources,
  { waba_id }: Connection,
  { org, token }: Key,
): Promise<Told> {
  const { META_APP_ID, META_APP_SECRET } = on.config
  const good: Finding = { outcome: 'ok', code: null, said: null, expires_at: null }
  const isOurs = META_APP_ID !== undefined && META_APP_SECRET !== undefined
  const answer = await on.egress.graph({
    ...QUESTION,
    org,
    path: `/debug_token?input_token=${encodeURIComponent(token.reveal('ask_about_token'))}`,
    token: isOurs ? appToken(META_APP_ID, META_APP_SECRET) : token,
  })
  const facts = readGraph(TokenFacts, answer, token)
  // The number answered to this token a moment ago: when the second question stays open, that is enough.
  if ('outcome' in facts) return good
  const { data } = facts
  const grant = grantIn(data)
  if (!isOurs) return { ...good, ...grant }
  const expires_at = data.expires_at ? new Date(data.expires_at * 1_000).toISOString() : null
  const code = faultOf(data, META_APP_ID, waba_id)
  const said = clean(data.error?.message, token)
  return {
    ...good,
    ...grant,
    expires_at,
    ...(code ? { outcome: 'refused' as const, code, said } : {}),
  }
}

const appToken = (id: string, secret: Secret): Secret =>
  new Secret(`${id}|${secret.reveal('ask_about_token')}`, 'call_graph')

const DIGITS = /^\d{1,32}$/

function grantIn({ app_id: app, user_id: user }: z.infer<typeof TokenFacts>['data']): {
  grant?: { app: string; user: string | null }
} {
  if (!app || !DIGITS.test(app)) return {}
  return { grant: { app, user: user && DIGITS.test(user) ? user : null } }
}

function faultOf(
  data: z.infer<typeof TokenFacts>['data'],
  app: string,
  waba: string,
): string | null {
  if (!data.is_valid) return 'expired'
  if (data.app_id !== app) return 'other_app'
  if (!NEEDED.every((scope) => data.scopes.includes(scope))) return 'scopes'
  const limited = data.granular_scopes.filter(({ scope }) => NEEDED.includes(scope))
  return limited.some(({ target_ids }) => target_ids && !target_ids.includes(waba)) ? 'waba' : null
}

const PER_SECOND: Record<string, number> = { STANDARD: 80, HIGH: 1_000 }

async function keep(
  on: Resources,
  tx: Tx,
  at: { org: string; id: string },
  {
    check,
    grant,
    facts,
  }: { check: Check; grant: Told['grant']; facts: z.infer<typeof PhoneNumber> },
): Promise<void> {
  const perSecond = PER_SECOND[facts.throughput?.level ?? ''] ?? null
  const verified = {
    verified_at: on.now(),
    state: tx.raw(`case when state = 'pending' then 'active' else state end`),
  }
  await tx('connections')
    .where({ org_id: at.org, id: at.id })
    .update({
      settings: tx.raw(`settings || jsonb_build_object('check', ?::jsonb)`, [
        JSON.stringify(check),
      ]),
      display_phone: tx.raw('coalesce(?, display_phone)', [facts.display_phone_number ?? null]),
      quality: tx.raw('coalesce(?, quality)', [facts.quality_rating ?? null]),
      throughput: tx.raw('coalesce(?, throughput)', [perSecond]),
      ...(grant ? { app_id: grant.app, granted_by: grant.user } : {}),
      ...(check.outcome === 'ok' ? verified : {}),
    })
}
