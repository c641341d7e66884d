import { rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'
import { openFor, sealFor } from '../keys.ts'
import type { Resources } from '../resources.ts'
import { open, seal, SealError, type Place } from '../vault.ts'

export type TextKind = 'name' | 'address' | 'asked' | 'mandate' | 'extension' | 'refusal' | 'answer'
/** How a text reached the person: by mail, in their chat, on a page, or outside the product. */
export type Told = 'mail' | 'chat' | 'page' | 'otherwise'
export type Text = { kind: TextKind; body: string; told: Told | null; at: Date }

/** Whose text it is; it goes when they do. */
export type Owner = {
  id: string
  org_id: string | null
  contact_id: string | null
  user_id: string | null
}

const placeOf = (org: string | null, row: string): Place => ({
  purpose: 'privacy_request_texts|body',
  org: org ?? 'instance',
  row,
})

/** Keeps what was written, sealed under the organization's key, or the installation's where it answers itself. */
export async function keepText(
  on: Resources,
  tx: Tx,
  request: Owner,
  { kind, body, told, at }: Text,
): Promise<void> {
  const { org_id: org, contact_id: contact, user_id: user } = request
  const id = newId()
  await rows(
    tx,
    `insert into privacy_request_texts (id, org_id, request_id, contact_id, user_id, kind, body, told, at)
     values (:id, :org, :request, :contact, :user, :kind, :body, :told, :at)`,
    {
      id,
      org,
      contact,
      user,
      kind,
      told,
      at,
      request: request.id,
      body: await sealed(on, tx, placeOf(org, id), body),
    },
  )
}

async function sealed(on: Resources, tx: Tx, place: Place, text: string): Promise<string> {
  if (place.org !== 'instance') return sealFor(on, tx, place, text)
  const [key] = on.vault.instance
  if (!key) throw new SealError()
  return seal(key, place, text)
}

/** Everything that was written in a request, the oldest first; what cannot be opened says so. */
export async function readTexts(
  on: Resources,
  tx: Tx,
  { org, id }: { org: string | null; id: string },
): Promise<Text[]> {
  const found = await rows<Text & { id: string }>(
    tx,
    `select id, kind, body, told, at from privacy_request_texts
      where org_id is not distinct from :org::uuid and request_id = :id order by at, id`,
    { org, id },
  )
  const texts: Text[] = []
  for (const { id: row, body, ...text } of found)
    texts.push({ ...text, body: await opened(on, tx, placeOf(org, row), body) })
  return texts
}

async function opened(on: Resources, tx: Tx, place: Place, body: string): Promise<string> {
  try {
    return place.org === 'instance'
      ? openInstance(on, place, body)
      : (await openFor(on, tx, place, body)).toString('utf8')
  } catch (error) {
    if (!(error instanceof SealError)) throw error
    return '(the key of this text is gone)'
  }
}

const openInstance = (on: Resources, place: Place, body: string): string =>
  open(on.vault.instance, place, body).toString('utf8')

/** The end of the request starts the time that its words are kept. */
export const closeTexts = (tx: Tx, org: string | null, id: string, at: Date): Promise<unknown> =>
  rows(
    tx,
    `update privacy_request_texts set closed_at = :at where org_id is not distinct from :org::uuid and request_id = :id`,
    { org, id, at },
  )
