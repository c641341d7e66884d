import { getWholeContact } from '../contacts/contacts.ts'
import { rows, type Tx } from '../db.ts'
import { nameOf } from '../inbox/rows.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { dueAt, progressOf, targetOf } from './clock.ts'
import { atDesk, findRequest, type PrivacyRequest } from './request.ts'
import { readTexts, type Text } from './texts.ts'
import { findWindow } from './ways.ts'

type Deletion = {
  state: string
  reason: string | null
  deadline_at: Date
  grace_until: Date | null
}

/** A request with everything that whoever answers it needs to see. */
export type Case = {
  request: PrivacyRequest
  texts: Text[]
  /** What the contact is called; undefined where it is about none, or one that is gone. */
  person: string | undefined
  due: Date
  target: Date
  used: number
  left: string
  /** How the person can be told from here; null where somebody has to do it outside. */
  way: 'mail' | 'chat' | null
  deletion: Deletion | undefined
}

/** Throws Refusal 404 for a request of another desk, and one that never was. */
export async function readCase(on: Resources, org: string | null, id: string): Promise<Case> {
  const now = on.now()
  const found = await atDesk(on, org, async (tx) => {
    const request = await findRequest(tx, org, id)
    if (!request) throw notFound('request')
    const texts = await readTexts(on, tx, { org, id })
    const isOpen = request.closed_at === null
    const way = isOpen ? await wayOf(on, tx, { request, texts }) : null
    return { request, texts, way, person: await personOf(tx, request) }
  })
  const { request } = found
  return {
    ...found,
    ...progressOf(request, now),
    due: dueAt(request, now),
    target: targetOf(request),
    deletion: await deletionOf(on, request),
  }
}

async function personOf(
  tx: Tx,
  { org_id: org, contact_id: contact }: PrivacyRequest,
): Promise<string | undefined> {
  if (org === null || contact === null) return undefined
  const found = await getWholeContact(tx, org, contact)
  return (
    found &&
    nameOf({
      contact_name: found.name,
      contact_phone: found.phone,
      contact_username: found.username,
      restricted: found.restricted,
    })
  )
}

async function wayOf(
  on: Resources,
  tx: Tx,
  { request, texts }: { request: PrivacyRequest; texts: Text[] },
): Promise<Case['way']> {
  if (request.org_id === null && request.user_id !== null) return 'mail'
  if (texts.some(({ kind }) => kind === 'address')) return 'mail'
  return (await findWindow(on, tx, request)) ? 'chat' : null
}

async function deletionOf(
  on: Resources,
  { deletion_id: id }: PrivacyRequest,
): Promise<Deletion | undefined> {
  if (id === null) return undefined
  const [found] = await on.db.withSystem((tx) =>
    rows<Deletion>(
      tx,
      'select state, reason, deadline_at, grace_until from deletions where id = ?',
      [id],
    ),
  )
  return found
}
