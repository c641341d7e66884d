import { rows, type Tx } from '../db.ts'
import { appendFeed, type Change } from '../feed/feed.ts'
import { newId } from '../ids.ts'
import { insertAttached, type Attached } from '../media/outgoing.ts'
import { getMessage, type Message } from '../messages/messages.ts'
import { notFound, Refusal } from '../refusal.ts'
import { refuseStopped } from '../restrictions/gate.ts'
import { graphBody, type Outgoing } from './bodies.ts'
import { noteCause, type Cause } from './cause.ts'
import { readTemplate } from './template-message.ts'
import { windowState } from './window.ts'

/** A conversation whose row this transaction holds. */
export type Place = {
  id: string
  contact_id: string
  connection_id: string
  window_expires_at: Date | null
}

/**
 * The row is locked before the entry gets its place in the order, so that the order is that of the commits.
 * Throws Refusal 404, and 409 `connection_removed` where no number is left to send from.
 */
export async function lockConversation(tx: Tx, org: string, conversation: string): Promise<Place> {
  const [place] = await rows<Place & { state: string; status: string }>(
    tx,
    `select c.id, c.contact_id, c.connection_id, c.window_expires_at, k.state, o.status
       from conversations c join connections k on k.org_id = c.org_id and k.id = c.connection_id
       join organizations o on o.org_id = c.org_id
      where c.org_id = ? and c.id = ? for no key update of c`,
    [org, conversation],
  )
  if (!place) throw notFound('conversation')
  if (place.state === 'removed')
    throw new Refusal(409, 'connection_removed', 'The number of this conversation was removed.')
  if (place.status !== 'active')
    throw new Refusal(
      409,
      'being_deleted',
      'This organization is going to be deleted, so nothing is sent. An owner can cancel that under Settings → Privacy.',
    )
  return place
}

export type Storing = {
  now: Date
  org: string
  place: Place
  cause: Cause
  clientToken?: string | undefined
  outgoing: Outgoing
  /** The file it carries. */
  attached?: Attached | undefined
  /** The message this one repeats. */
  instead?: Pick<Message, 'id' | 'status'>
}

/**
 * Insert the message and its outbox entry, show it in the list and tell the feed: the last statements of a
 * transaction that locked the conversation. Throws Refusal 422 `window_closed`, and where the contact asked not to be
 * written to: `contact_restricted`, or `no_automation` when no person wrote it. A template that Meta has stopped is
 * refused under its own code, such as `template_paused`.
 */
export async function store(tx: Tx, asked: Storing): Promise<Message> {
  const { now, org, place, cause, instead } = asked
  await refuseStopped(tx, org, place.contact_id, cause.kind === 'agent' ? 'reply' : 'automate')
  if (asked.outgoing.kind !== 'template' && !windowState(place.window_expires_at, now).open)
    throw new Refusal(
      422,
      'window_closed',
      'The customer last wrote more than 24 hours ago. WhatsApp takes only a template now.',
    )
  const storing = { ...asked, outgoing: await whole(tx, asked) }
  const id = newId()
  await insert(tx, id, storing)
  if (storing.attached) await insertAttached(tx, { org, message: id, now }, storing.attached)
  await showInList(tx, id, storing)
  if (instead)
    await tx.raw(`update messages set resent_as = ? where org_id = ? and id = ?`, [
      id,
      org,
      instead.id,
    ])
  const message = await getMessage(tx, org, id)
  if (!message) throw new Error('a message is gone in its own transaction')
  const changes: Change[] = [
    { kind: 'message.updated', ref: id },
    ...(instead ? [{ kind: 'message.updated' as const, ref: instead.id }] : []),
    { kind: 'conversation.updated', ref: place.id },
  ]
  await appendFeed(tx, org, changes)
  return message
}

const whole = (tx: Tx, storing: Storing): Promise<Outgoing> =>
  storing.outgoing.kind === 'template'
    ? readTemplate(tx, storing)
    : Promise.resolve(storing.outgoing)

async function insert(tx: Tx, id: string, storing: Storing): Promise<void> {
  const { now, org, place, cause, clientToken, outgoing, instead } = storing
  const { kind, text, payload, contextWamid } = outgoing
  await tx.raw(
    `insert into messages (org_id, id, conversation_id, direction, kind, text, payload, status, rank, context_wamid,
                           author_id, client_token, created_at)
     values (:org, :id, :conversation, 'out', :kind, :text, :payload::jsonb, 'queued', 0, :contextWamid,
             :author, :token, :now)`,
    {
      org,
      id,
      conversation: place.id,
      kind,
      text,
      payload: JSON.stringify(payload),
      contextWamid,
      author: cause.kind === 'agent' ? cause.person : null,
      token: clientToken ?? null,
      now,
    },
  )
  await noteCause(tx, org, { message: id, cause, at: now, kind, instead })
  await tx.raw(
    `insert into outbox (org_id, message_id, conversation_id, connection_id, body) values (?, ?, ?, ?, ?::jsonb)`,
    [org, id, place.id, place.connection_id, JSON.stringify(graphBody(outgoing))],
  )
}

/** The list shows the newest message by its own time, whichever side it came from. */
async function showInList(tx: Tx, id: string, storing: Storing): Promise<void> {
  const { now, org, place, outgoing } = storing
  await tx.raw(
    `update conversations set last_message_id = :id, last_message_at = :now, last_message_preview = :preview,
            last_message_direction = 'out'
      where org_id = :org and id = :conversation and (last_message_id is null or last_message_at <= :now)`,
    { id, now, preview: outgoing.preview, org, conversation: place.id },
  )
}
