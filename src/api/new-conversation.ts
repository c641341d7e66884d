import { checkFirstMessage, noteStrangers, TooManyStrangers } from '../abuse/strangers.ts'
import { getConnection } from '../connections/connections.ts'
import { checkErased, type Welcome } from '../contacts/erased.ts'
import { identitiesOf, placeContact } from '../contacts/identities.ts'
import { appendFeed } from '../feed/feed.ts'
import { getConversation, openConversation } from '../inbox/conversations.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { refuseStopped } from '../restrictions/gate.ts'
import { windowState } from '../sending/window.ts'

type Wanted = { connection: string; to: string; isTemplate: boolean } & Welcome

/**
 * The conversation of a number of ours with whoever `to` names, opened when there is none.
 * Throws Refusal 404 for an unknown connection, 409 `erased` for somebody who was erased, 422 for a contact who asked for it,
 * 429 `too_many_strangers`, and 422 `window_closed` where only a template may be sent;
 * neither contact nor conversation are left behind then.
 */
export async function placeConversation(
  on: Resources,
  org: string,
  wanted: Wanted,
): Promise<string> {
  const placed = await place(on, org, wanted).catch(async (error: unknown) => {
    if (error instanceof TooManyStrangers) await noteStrangers(on, error)
    throw error
  })
  if (placed.isNew) on.events.publish({ kind: 'feed', org })
  return placed.id
}

const place = (
  on: Resources,
  org: string,
  wanted: Wanted,
): Promise<{ id: string; isNew: boolean }> =>
  on.db.withTenant(org, async (tx) => {
    if (!(await getConnection(tx, org, wanted.connection))) throw notFound('connection')
    const identities = identitiesOf(wanted.to)
    const welcome = await checkErased(on, tx, { ...wanted, org, identities, field: 'to' })
    const { contact, isNew } = await placeContact(tx, org, identities)
    await refuseStopped(tx, org, contact, 'automate')
    const id = await openConversation(tx, org, wanted.connection, contact)
    const conversation = await getConversation(tx, org, id)
    const { open } = windowState(conversation?.window_expires_at ?? null, on.now())
    if (!open && !wanted.isTemplate) throw closed()
    if (!conversation?.window_expires_at)
      await checkFirstMessage(tx, { org, conversation: id, now: on.now() })
    await welcome(contact)
    if (isNew) await appendFeed(tx, org, [{ kind: 'contact.updated', ref: contact }])
    return { id, isNew }
  })

const closed = (): Refusal =>
  new Refusal(
    422,
    'window_closed',
    'This contact did not write in the last 24 hours; only a template can be sent.',
  )
