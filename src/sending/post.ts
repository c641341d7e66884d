import { accessTokenOf } from '../connections/connections.ts'
import { getWholeContact, type Contact } from '../contacts/contacts.ts'
import { isErasing } from '../contacts/erasing.ts'
import { rows, type Tx } from '../db.ts'
import { appendFeed } from '../feed/feed.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { codeOf, kindsOf, stopIn, type Operation } from '../restrictions/gate.ts'
import type { Secret } from '../secret.ts'
import { stopOf } from '../templates/stops.ts'
import { SealError } from '../vault.ts'
import { provideFile, withUpload } from './carried.ts'
import type { Entry } from './claim.ts'
import { giveBack, maySend, TRIAL_MS } from './hold.ts'
import { record } from './record.ts'
import { judge, type Verdict } from './verdict.ts'
import { isMarketing, templateIn } from './template-message.ts'
import { windowState } from './window.ts'

/** A request that is ready to be written: from here on its outcome may be unknown. */
type Letter = { path: string; token: Secret; body: object; attempt: number }

/** The total limit of one call in milliseconds, and who is told in the tick that writes its first byte. */
export type Wire = { timeoutMs: number; wrote(message: string, fence: number): void }

/** How a post ended for whoever started it; `call` is missing where WhatsApp was not asked. */
export type Ended = {
  verdict: Verdict['kind'] | 'lost'
  more: boolean
  afterMs?: number
  call?: { answered: boolean; code: string }
}

/**
 * Send one leased entry and write down what became of it. `posting` is committed before the request is written,
 * so a process that dies between leaves `unknown` and never a second post.
 */
export async function post(on: Resources, entry: Entry, wire: Wire): Promise<Ended> {
  const ready = (await provideFile(on, entry)) ?? (await begin(on, entry))
  if (ready === 'lost') return { verdict: 'lost', more: false }
  const verdict = 'kind' in ready ? ready : await send(on, entry, ready, wire)
  const more = await record(on, entry, verdict)
  return {
    verdict: verdict.kind,
    more,
    ...(verdict.kind === 'retry' ? { afterMs: verdict.afterMs } : {}),
    ...('kind' in ready ? {} : { call: callOf(verdict) }),
  }
}

/** Silence, a broken connection and a page of some proxy say nothing of this message, but of the way. */
function callOf(verdict: Verdict): { answered: boolean; code: string } {
  const code = 'code' in verdict ? verdict.code : ''
  return { answered: verdict.kind !== 'unknown' && code !== 'unreachable', code }
}

async function send(on: Resources, entry: Entry, letter: Letter, wire: Wire): Promise<Verdict> {
  const { timeoutMs, wrote } = wire
  const onWrite = (): void => wrote(entry.message, entry.fence)
  const started = performance.now()
  const { path, token, body, attempt } = letter
  const call = { method: 'POST', path, token, body, timeoutMs, onWrite } as const
  const answer = await on.egress.graph({ ...call, purpose: 'send_message', org: entry.org })
  const verdict = judge(answer, { attempt, ageS: entry.ageS, random: Math.random() })
  on.log.info(
    {
      org: entry.org,
      message: entry.message,
      outcome: verdict.kind,
      attempt,
      ms: Math.round(performance.now() - started),
      ...('code' in verdict ? { code: verdict.code } : {}),
      ...(answer.outcome === 'answered' ? { status: answer.status } : { reason: answer.reason }),
    },
    'posted',
  )
  return verdict
}

/** Everything that may stop a message is checked in the transaction that commits `posting`. */
async function begin(on: Resources, entry: Entry): Promise<Letter | Verdict | 'lost'> {
  try {
    const ready = await on.db.withTenant(entry.org, (tx) => prepare(on, tx, entry))
    if (ready !== 'lost') on.events.publish({ kind: 'feed', org: entry.org })
    return ready
  } catch (error) {
    // The token is missing or does not open: an admin has to give it again.
    if (error instanceof SealError || error instanceof Refusal)
      return { kind: 'held', code: 'credentials' }
    throw error
  }
}

type Facts = {
  kind: string
  cause: string
  lane: number
  contact_id: string
  window_expires_at: Date | null
  phone_number_id: string
  state: string
}

async function prepare(on: Resources, tx: Tx, entry: Entry): Promise<Letter | Verdict | 'lost'> {
  const [facts] = await rows<Facts>(
    tx,
    `select m.kind, d.kind as cause, o.lane, c.contact_id, c.window_expires_at, k.phone_number_id, k.state
       from messages m join outbox o on o.org_id = m.org_id and o.message_id = m.id
       join routing_decisions d on d.org_id = m.org_id and d.message_id = m.id
       join conversations c on c.org_id = m.org_id and c.id = m.conversation_id
       join connections k on k.org_id = m.org_id and k.id = c.connection_id
      where m.org_id = ? and m.id = ? for no key update of m`,
    [entry.org, entry.message],
  )
  if (!facts) return 'lost'
  if (!maySend(facts.state) && !entry.trial) {
    await giveBack(tx, entry, { ms: TRIAL_MS, because: 'connection' })
    return 'lost'
  }
  // Statements of their own, after the row is held: an erasure or a restriction that began until now is seen.
  if (await isErasing(tx, entry.org, facts.contact_id)) return 'lost'
  const obstacle = await obstacleIn(on, tx, entry, facts)
  if (obstacle) return { kind: 'failed', title: null, ...obstacle }
  const address = addressOf(await getWholeContact(tx, entry.org, facts.contact_id))
  if (!address) return { kind: 'failed', class: 'recipient', code: 'no_recipient', title: null }
  const token = await accessTokenOf(on, tx, entry.org, entry.connection)
  const attempt = await startPosting(tx, entry)
  if (!attempt) return 'lost'
  const path = `/${facts.phone_number_id}/messages`
  return { path, token, attempt, body: envelope(address, entry, await withUpload(tx, entry)) }
}

type Failed = Extract<Verdict, { kind: 'failed' }>

/** What came up since it was queued: a wish of the contact, the end of the window, a template that Meta stopped. */
async function obstacleIn(
  on: Resources,
  tx: Tx,
  entry: Entry,
  facts: Facts,
): Promise<Pick<Failed, 'class' | 'code'> | undefined> {
  const template = facts.kind === 'template' ? await templateIn(tx, entry, entry.body) : undefined
  const kinds = await kindsOf(tx, entry.org, facts.contact_id)
  const wish =
    stopIn(kinds, operationOf(facts)) ??
    (isMarketing(template) ? stopIn(kinds, 'market') : undefined)
  if (wish) return { class: 'recipient', code: codeOf(wish) }
  if (facts.kind !== 'template' && !windowState(facts.window_expires_at, on.now()).open)
    return { class: 'window', code: 'window_closed' }
  const stop = template && stopOf(template)
  return stop && { class: 'template', code: stop.code }
}

/** The second lane is that of campaigns. */
function operationOf({ lane, cause }: Facts): Operation {
  if (lane > 0) return 'market'
  return ['api_key', 'rule'].includes(cause) ? 'automate' : 'reply'
}

/** Without the plus WhatsApp may read a number as one of our own country; a hidden number has only its user id. */
function addressOf(contact: Contact | undefined): Address | undefined {
  if (contact?.phone) return { to: `+${contact.phone}` }
  return contact?.wa_user_id ? { recipient: contact.wa_user_id } : undefined
}

type Address = { to: string } | { recipient: string }

/** Statuses carry our message id back, so that they find the message even when its answer was lost. */
const envelope = (address: Address, entry: Entry, body: object): object => ({
  messaging_product: 'whatsapp',
  recipient_type: 'individual',
  ...address,
  ...body,
  biz_opaque_callback_data: entry.message,
})

/** The number of this attempt, or undefined when the lease is lost. The lease runs anew from here. */
async function startPosting(tx: Tx, { org, message, fence }: Entry): Promise<number | undefined> {
  const [started] = await rows<{ attempts: number }>(
    tx,
    `update outbox set state = 'posting', attempts = attempts + 1, posted_at = now(),
            lease_until = now() + interval '30 seconds'
      where org_id = ? and message_id = ? and fence = ? and state = 'claimed' returning attempts`,
    [org, message, fence],
  )
  if (!started) return undefined
  await tx.raw(
    `update messages set status = 'sending', rank = 5 where org_id = ? and id = ? and rank < 5`,
    [org, message],
  )
  await appendFeed(tx, org, [{ kind: 'message.updated', ref: message }])
  return started.attempts
}
