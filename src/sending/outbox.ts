import { constraintOf, rows, type Tx } from '../db.ts'
import { appendFeed } from '../feed/feed.ts'
import { getMessage, type Message } from '../messages/messages.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { graphBody, readBody, type Outgoing } from './bodies.ts'
import { loaded } from './carried.ts'
import type { Cause } from './cause.ts'
import { lockConversation, store } from './store.ts'

export type Draft = {
  conversation: string
  /** Meta's shape without the envelope, as `{ type: 'text', text: { body } }`. */
  body: object
  /** The wamid of the message this one quotes. */
  context?: string
  /** Who asks for it; it is kept with the message. */
  cause: Cause
  /** Of the form or request that asks for it: the same token is the same message. */
  clientToken?: string
}

/** Stored, with the connection whose doorbell it concerns; `isNew` false when the token was used before. */
export type Stored = { message: Message; connection: string; isNew: boolean }

/**
 * Store a message and queue it for sending, once per `clientToken` however often it is asked for.
 *
 * Throws Refusal 404 for an unknown conversation, 422 `invalid` for a body WhatsApp would not take, and 422
 * `window_closed` for anything but a template when the customer last wrote more than 24 hours ago; nothing is
 * stored then. Source: WhatsApp Cloud API, messages and customer service windows.
 */
export async function queueMessage(on: Resources, org: string, draft: Draft): Promise<Message> {
  const read = readBody(draft.body)
  const outgoing = { ...read, contextWamid: read.contextWamid ?? draft.context ?? null }
  return announce(on, org, await storeOnce(on, org, draft, outgoing))
}

async function storeOnce(
  on: Resources,
  org: string,
  draft: Draft,
  outgoing: Outgoing,
): Promise<Stored> {
  const run = (): Promise<Stored> =>
    on.db.withTenant(org, async (tx) => {
      const place = await lockConversation(tx, org, draft.conversation)
      const known = await byToken(tx, org, draft.clientToken)
      if (known) return { message: known, connection: place.connection_id, isNew: false }
      const { cause, clientToken } = draft
      const at = { org, connection: place.connection_id }
      const full = await loaded(on, tx, at, outgoing)
      const message = await store(tx, { now: on.now(), org, place, cause, clientToken, ...full })
      return { message, connection: place.connection_id, isNew: true }
    })
  return run().catch((error: unknown) => {
    // The token was used in another conversation at the same moment; now the look-up finds it.
    if (constraintOf(error) === 'messages_token') return run()
    throw error
  })
}

/** After the commit: whoever looks sees it, and the sender is rung. */
export async function announce(on: Resources, org: string, stored: Stored): Promise<Message> {
  if (stored.isNew) {
    on.events.publish({ kind: 'feed', org })
    await on.queues.ring({ org, connection: stored.connection })
  }
  return stored.message
}

async function byToken(tx: Tx, org: string, token?: string): Promise<Message | undefined> {
  if (token === undefined) return undefined
  const [found] = await rows<{ id: string }>(
    tx,
    `select id from messages where org_id = ? and client_token = ?`,
    [org, token],
  )
  return found && getMessage(tx, org, found.id)
}

/**
 * Send a failed message, or one whose outcome is unknown, again as a new row that the old one points to, because
 * `person` asks for it; asked twice, the same new message. Throws Refusal 404, 409 `not_failed`, 422 `window_closed`.
 */
export async function retryMessage(
  on: Resources,
  org: string,
  messageId: string,
  person: string,
): Promise<Message> {
  const stored = await on.db.withTenant(org, async (tx) => {
    const { conversation_id } = await sentMessage(tx, org, messageId)
    const place = await lockConversation(tx, org, conversation_id)
    const old = await lockMessage(tx, org, messageId)
    const connection = place.connection_id
    if (old.resent_as)
      return { message: await sentMessage(tx, org, old.resent_as), connection, isNew: false }
    if (old.status !== 'failed' && old.status !== 'unknown')
      throw new Refusal(409, 'not_failed', 'This message did not fail, so it is not sent again.')
    // Nothing is left to wait for, and the new one must not be held back by the old.
    await tx.raw(
      `update outbox set state = 'done', finished_at = now() where org_id = ? and message_id = ? and state = 'unknown'`,
      [org, messageId],
    )
    const outgoing = readBody(graphBody({ ...old, contextWamid: old.context_wamid }))
    const full = await loaded(on, tx, { org, connection }, outgoing)
    const cause = { kind: 'agent', person } as const
    const anew = { now: on.now(), org, place, cause, instead: old, ...full }
    return { message: await store(tx, anew), connection, isNew: true }
  })
  return announce(on, org, stored)
}

async function sentMessage(tx: Tx, org: string, id: string): Promise<Message> {
  const found = await getMessage(tx, org, id)
  if (found?.direction !== 'out') throw notFound('message')
  return found
}

/** As the row stands now: a status may have moved it until this moment, and cannot any more. */
async function lockMessage(tx: Tx, org: string, id: string): Promise<Message> {
  await tx.raw('select id from messages where org_id = ? and id = ? for no key update', [org, id])
  return sentMessage(tx, org, id)
}

/**
 * Take a message back that was not posted yet. Throws Refusal 404, and 409 `too_late` once it is on its way.
 * What was written after it goes on.
 */
export async function cancelMessage(
  on: Resources,
  org: string,
  messageId: string,
): Promise<Message> {
  const stored = await on.db.withTenant(org, async (tx) => {
    await lockMessage(tx, org, messageId)
    const [entry] = await rows<{ connection_id: string }>(
      tx,
      `update outbox set state = 'cancelled', finished_at = now() where org_id = ? and message_id = ?
          and state in ('pending', 'retry') returning connection_id`,
      [org, messageId],
    )
    if (!entry) throw new Refusal(409, 'too_late', 'This message is on its way already.')
    await tx.raw(`update messages set status = 'cancelled' where org_id = ? and id = ?`, [
      org,
      messageId,
    ])
    const message = await sentMessage(tx, org, messageId)
    await appendFeed(tx, org, [{ kind: 'message.updated', ref: messageId }])
    return { message, connection: entry.connection_id, isNew: true }
  })
  return announce(on, org, stored)
}
