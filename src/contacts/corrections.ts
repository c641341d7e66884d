import { audit, type AuditActor } from '../audit/audit.ts'
import { rows, type Tx } from '../db.ts'
import { appendFeed } from '../feed/feed.ts'
import { newId } from '../ids.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { changeContact, type ContactChange } from './changes.ts'
import type { Contact } from './contacts.ts'

export type Field = 'name' | 'phone' | 'email' | 'attributes'
type By = { by: AuditActor; request?: string }

/** One decision about a contact's field, as the page and an export show it; the earlier value is not kept. */
export type Correction = {
  field: Field
  decision: 'made' | 'denied'
  statement: string | null
  at: Date
}

/**
 * Correct what is kept about a contact because they said so. From then on neither WhatsApp nor an import nor a colleague
 * replaces the value; programs hear of it by the feed, and whoever had got the earlier value is written down.
 * Throws as `changeContact`. Source: GDPR Art. 16 and 19; privacy promise P48.
 */
export async function correctContact(
  on: Resources,
  org: string,
  { contact, change, by, request }: { contact: string; change: ContactChange } & By,
): Promise<Contact> {
  const fields = (['name', 'phone', 'email', 'attributes'] as const).filter(
    (field) => change[field] !== undefined,
  )
  const recipients = await on.db.withTenant(org, (tx) => recipientsOf(tx, org, contact))
  const corrected = await changeContact(on, org, contact, { ...change, source: 'person' })
  await on.db.withTenant(org, async (tx) => {
    for (const field of fields)
      await rows(
        tx,
        `insert into contact_corrections (org_id, id, contact_id, field, decision, recipients, decided_by, request_id, at)
         values (?, ?, ?, ?, 'made', ?::jsonb, ?, ?, ?)`,
        [
          org,
          newId(),
          contact,
          field,
          JSON.stringify(recipients),
          personOf(by),
          request ?? null,
          on.now(),
        ],
      )
    await audit(tx, org, {
      actor: by,
      action: 'contact.corrected',
      target: { kind: 'contact', id: contact },
      detail: { fields },
    })
  })
  await restartExports(on, org, contact)
  return corrected
}

type Recipient = { kind: 'api_key' | 'export'; id: string }

/** Programs that read since the contact was last changed, and exports that were made since with them in it. */
const recipientsOf = (tx: Tx, org: string, contact: string): Promise<Recipient[]> =>
  rows<Recipient>(
    tx,
    `select 'api_key' as kind, a.id from api_keys a join contacts k on k.org_id = a.org_id and k.id = :contact
      where a.org_id = :org and a.last_used_on >= (k.updated_at at time zone 'UTC')::date
     union all
     select 'export', e.id from exports e join contacts k on k.org_id = e.org_id and k.id = :contact
      where e.org_id = :org and e.state = 'ready' and (e.kind = 'org' or e.subject_id = :contact) and e.created_at >= k.updated_at`,
    { org, contact },
  )

/** An export that is being made begins again, so that it never has a bit of both. */
async function restartExports(on: Resources, org: string, contact: string): Promise<void> {
  const again = await on.db.withTenant(org, (tx) =>
    rows<{ id: string }>(
      tx,
      `update exports set state = 'pending', lease_until = null
        where org_id = ? and state = 'running' and (kind = 'org' or subject_id = ?) returning id`,
      [org, contact],
    ),
  )
  for (const { id } of again) await on.queues.addExport(id)
}

/**
 * The person says that a value is wrong, and it is not changed: what they say stands beside it wherever it is shown or
 * exported. Throws Refusal 404.
 */
export async function denyCorrection(
  on: Resources,
  org: string,
  {
    contact,
    field,
    statement,
    by,
    request,
  }: {
    contact: string
    field: Field
    statement: string
  } & By,
): Promise<void> {
  await on.db.withTenant(org, async (tx) => {
    const known = await rows(tx, 'select 1 from contacts where org_id = ? and id = ?', [
      org,
      contact,
    ])
    if (known.length === 0) throw notFound('contact')
    await rows(
      tx,
      `insert into contact_corrections (org_id, id, contact_id, field, decision, statement, decided_by, request_id, at)
       values (?, ?, ?, ?, 'denied', ?, ?, ?, ?)`,
      [org, newId(), contact, field, statement, personOf(by), request ?? null, on.now()],
    )
    await audit(tx, org, {
      actor: by,
      action: 'contact.correction_denied',
      target: { kind: 'contact', id: contact },
      detail: { field },
    })
    await appendFeed(tx, org, [{ kind: 'contact.updated', ref: contact }])
  })
  on.events.publish({ kind: 'feed', org })
}

/** What was decided about a contact's fields, the newest first. */
export const listCorrections = (tx: Tx, org: string, contact: string): Promise<Correction[]> =>
  rows<Correction>(
    tx,
    `select field, decision, statement, at from contact_corrections
      where org_id = ? and contact_id = ? order by at desc, id desc limit 50`,
    [org, contact],
  )

const personOf = (by: AuditActor): string | null => (by.kind === 'user' ? (by.id ?? null) : null)
