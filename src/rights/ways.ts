import { rows, type Tx } from '../db.ts'
import { queueMail, ringMail } from '../ops/mail.ts'
import type { Resources } from '../resources.ts'
import { readBody } from '../sending/bodies.ts'
import type { Cause } from '../sending/cause.ts'
import { announce, type Stored } from '../sending/outbox.ts'
import { lockConversation, store, type Place } from '../sending/store.ts'
import { windowState } from '../sending/window.ts'
import type { PrivacyRequest } from './request.ts'
import { readTexts, type Told } from './texts.ts'

/** How a person can be reached from here: at the address they gave, or where they write. */
export type Way = { told: 'mail'; to: string } | { told: 'chat'; place: Place }
/** What was written in a transaction and goes out once it is committed. */
export type Sent = { mail?: string; message?: Stored }

/** The best way to a person, or undefined where somebody has to tell them outside the product. */
export async function wayTo(
  on: Resources,
  tx: Tx,
  request: PrivacyRequest,
): Promise<Way | undefined> {
  const { org_id: org, id, user_id: user } = request
  const texts = await readTexts(on, tx, { org, id })
  const to = texts.find(({ kind }) => kind === 'address')?.body
  if (to) return { told: 'mail', to }
  if (org === null) return user === null ? undefined : mailOf(tx, user)
  const place = await openWindow(on, tx, request)
  return place && { told: 'chat', place }
}

async function mailOf(tx: Tx, user: string): Promise<Way | undefined> {
  const [found] = await rows<{ email: string }>(tx, 'select email from users where id = ?', [user])
  return found && { told: 'mail', to: found.email }
}

/**
 * The conversation in which the person wrote last, locked, as long as anything may be sent there without a template.
 * Throws Refusal where the organization sends nothing at all. Source: WhatsApp Cloud API, customer service windows.
 */
export async function openWindow(
  on: Resources,
  tx: Tx,
  request: PrivacyRequest,
): Promise<Place | undefined> {
  const found = await findWindow(on, tx, request)
  return found === undefined ? undefined : lockConversation(tx, request.org_id ?? '', found)
}

/** The id of that conversation, without holding it. */
export async function findWindow(
  on: Resources,
  tx: Tx,
  { org_id: org, contact_id: contact }: PrivacyRequest,
): Promise<string | undefined> {
  if (org === null || contact === null) return undefined
  const [found] = await rows<{ id: string; window_expires_at: Date | null }>(
    tx,
    `select c.id, c.window_expires_at from conversations c
       join connections k on k.org_id = c.org_id and k.id = c.connection_id and k.state <> 'removed'
      where c.org_id = ? and c.contact_id = ? order by c.window_expires_at desc nulls last limit 1`,
    [org, contact],
  )
  return windowState(found?.window_expires_at ?? null, on.now()).open ? found?.id : undefined
}

type Words = { subject: string; text: string; cause: Cause | undefined }

/** Says it on the way that was found: the last statement of the transaction. */
export async function say(
  on: Resources,
  tx: Tx,
  { request, way }: { request: PrivacyRequest; way: Way | undefined },
  { subject, text, cause }: Words,
): Promise<Sent> {
  const { org_id: org, user_id: user } = request
  if (!way) return {}
  if (way.told === 'chat') {
    if (!cause) throw new Error('a message in a chat is somebody’s')
    return { message: await sayInChat(on, tx, { org, place: way.place, text, cause }) }
  }
  const whose = { ...(org === null ? {} : { org }), ...(user === null ? {} : { user }) }
  return { mail: await queueMail(tx, on, { to: way.to, kind: 'rights', subject, text, ...whose }) }
}

/** A message in the chat, by whoever decided or by the answer that was approved. */
export async function sayInChat(
  on: Resources,
  tx: Tx,
  said: { org: string | null; place: Place; text: string; cause: Cause },
): Promise<Stored> {
  const { org, place, cause } = said
  const outgoing = readBody({ type: 'text', text: { body: said.text.trim() } })
  const message = await store(tx, { now: on.now(), org: org ?? '', place, cause, outgoing })
  return { message, connection: place.connection_id, isNew: true }
}

/** After the commit. */
export async function letGo(on: Resources, org: string | null, sent: Sent): Promise<void> {
  if (sent.mail !== undefined) await ringMail(on, sent.mail)
  if (sent.message && org !== null) await announce(on, org, sent.message)
}

export const toldBy = (way: Way | undefined): Told => way?.told ?? 'otherwise'
