import { randomBytes } from 'node:crypto'
import { createOrganization } from '../accounts/accounts.ts'
import { createApiKey } from '../accounts/api-keys.ts'
import { createConnection } from '../connections/connections.ts'
import { disconnect } from '../connections/grants.ts'
import { createContact } from '../contacts/changes.ts'
import { rows } from '../db.ts'
import { newCode, newId } from '../ids.ts'
import { openConversation } from '../inbox/conversations.ts'
import { keepDraft } from '../inbox/drafts.ts'
import { queueMail } from '../ops/mail.ts'
import { advanceExport, requestExport } from '../privacy/exports.ts'
import { changeOwnRules } from '../privacy/own-rules.ts'
import type { Resources } from '../resources.ts'
import { queueMessage } from '../sending/outbox.ts'
import { refsFor } from '../usage/refs.ts'
import { storeUsage } from '../usage/usage.ts'

export type Settled = { org: string; user: string }

/**
 * An organization as the product itself makes one, with something of each kind that it can make without anybody outside
 * noticing: no token that Meta would be asked with, no letter that goes out. `stem` stands in whatever a person types.
 */
export async function settleCanary(on: Resources, stem: string): Promise<Settled> {
  const { org, user } = await createOrganization(on, {
    name: `Canary ${stem}`,
    ownerEmail: `${stem}@canary.invalid`,
    ownerName: stem,
    password: newCode(24),
  })
  const connection = await connect(on, org, stem)
  const contact = await createContact(on, org, {
    name: stem,
    phone: `999${BigInt(`0x${randomBytes(4).toString('hex')}`)
      .toString()
      .padStart(10, '7')
      .slice(0, 10)}`,
    email: `${stem}@canary.invalid`,
    attributes: { note: stem },
  })
  const conversation = await talk(on, { org, connection, contact: contact.id, user, stem })
  await queueMessage(on, org, {
    conversation,
    body: { type: 'text', text: { body: stem } },
    cause: { kind: 'agent', person: user },
  })
  await createApiKey(on, org, { name: stem })
  await changeOwnRules(on, { org, user }, { messages: 365, media: 365 })
  await use(on, { org, user })
  await letter(on, { org, user, stem })
  await advanceExport(on, await requestExport(on, { kind: 'org', org }, user))
  return { org, user }
}

async function connect(on: Resources, org: string, stem: string): Promise<string> {
  const digits = (): string => BigInt(`0x${randomBytes(7).toString('hex')}`).toString()
  const { id } = await createConnection(on, org, {
    name: stem,
    phoneNumberId: digits(),
    wabaId: digits(),
    accessToken: stem,
    appSecret: randomBytes(16).toString('hex'),
    verifyToken: stem,
  })
  await disconnect(on, { org, id }, { reason: 'disconnected' })
  return id
}

type Talk = Settled & { connection: string; contact: string; stem: string }

/** The customer wrote a moment ago, so that a reply may be written. */
const talk = (on: Resources, { org, user, connection, contact, stem }: Talk): Promise<string> =>
  on.db.withTenant(org, async (tx) => {
    const conversation = await openConversation(tx, org, connection, contact)
    const now = on.now()
    await rows(
      tx,
      `update conversations set last_message_preview = ?, window_expires_at = ? where org_id = ? and id = ?`,
      [stem, new Date(now.getTime() + 3_600_000), org, conversation],
    )
    await rows(
      tx,
      `insert into messages (org_id, id, conversation_id, direction, kind, text, payload, wamid, status, created_at)
       values (?, ?, ?, 'in', 'text', ?, ?, ?, 'received', ?)`,
      [org, newId(), conversation, stem, JSON.stringify({ said: stem }), `wamid.${stem}`, now],
    )
    await rows(
      tx,
      `insert into message_events (org_id, wamid, status, rank, at, connection_id) values (?, ?, 'sent', 30, ?, ?)`,
      [org, `wamid.${stem}.status`, now, connection],
    )
    await keepDraft(tx, org, { conversation, user }, stem)
    return conversation
  })

async function use(on: Resources, { org, user }: Settled): Promise<void> {
  const at = on.now().getTime()
  const seen = { org, user, page: '/inbox', feature: null, at }
  const ref = (await refsFor(on, org, [seen])).get(user) ?? ''
  await storeUsage(on, { org, events: [{ id: newId(), ref, page: '/inbox', feature: null, at }] })
}

/** Due only when the organization is long gone. */
const letter = (on: Resources, { org, user, stem }: Settled & { stem: string }): Promise<unknown> =>
  on.db.withSystem(async (tx) => {
    const to = `${stem}@canary.invalid`
    const id = await queueMail(tx, on, {
      to,
      kind: 'deletion',
      subject: stem,
      text: stem,
      org,
      user,
    })
    const due = new Date(on.now().getTime() + 30 * 86_400_000)
    await rows(tx, 'update mail_outbox set due_at = ? where id = ?', [due, id])
  })
