import { rows } from '../../src/db.ts'
import { newId } from '../../src/ids.ts'
import type { Message } from '../../src/messages/messages.ts'
import { getMessage } from '../../src/messages/messages.ts'
import type { Doorbell } from '../../src/queues.ts'
import type { Resources } from '../../src/resources.ts'
import type { Cause } from '../../src/sending/cause.ts'
import { queueMessage } from '../../src/sending/outbox.ts'
import type { Org } from './org.ts'

/** What the outbox says of a message. */
export type OutboxRow = {
  state: string
  attempts: number
  fence: number
  error_class: string | null
  error_code: string | null
  wait_s: number
  hold_s: number | null
}

/** A conversation with a customer who wrote a moment ago, and the hands to send in it. */
export type Talk = {
  id: string
  contact: string
  /** How Graph calls address the customer. */
  to: string
  bell: Doorbell
  say(text: string, token?: string): Promise<Message>
  message(id: string): Promise<Message>
  outbox(id: string): Promise<OutboxRow>
  /** Any statement about the outbox, as time or another process would write it. */
  outboxIs(id: string, set: string): Promise<void>
  closeWindow(): Promise<void>
}

type Wish = { connection?: string; phone?: string | null; userId?: string | null }

let people = 0

/** A message that nobody wrote by hand. */
export const byProgram: Cause = { kind: 'api_key', key: newId() }

export async function openTalk(on: Resources, org: Org, wish: Wish = {}): Promise<Talk> {
  const { connection = org.connection.id, userId = null } = wish
  people += 1
  const phone = wish.phone === undefined ? `1555${String(people).padStart(7, '0')}` : wish.phone
  const [contact, id] = [newId(), newId()]
  await on.db.withTenant(org.id, async (tx) => {
    await rows(tx, `insert into contacts (org_id, id, name) values (?, ?, 'Customer')`, [
      org.id,
      contact,
    ])
    for (const [kind, value] of [
      ['phone', phone],
      ['wa_user_id', userId],
    ])
      if (kind && value)
        await rows(
          tx,
          'insert into contact_identities (org_id, kind, value, contact_id) values (?, ?, ?, ?)',
          [org.id, kind, value, contact],
        )
    await rows(
      tx,
      `insert into conversations (org_id, id, contact_id, connection_id, last_message_at, window_expires_at)
       values (?, ?, ?, ?, now(), ?)`,
      [org.id, id, contact, connection, new Date(on.now().getTime() + 24 * 3_600_000)],
    )
  })
  const run = <T>(sql: string, ...values: string[]): Promise<T[]> =>
    on.db.withTenant(org.id, (tx) => rows<T>(tx, sql, [...values, org.id]))
  const only = <T>(found: T[]): T => {
    const [first] = found
    if (!first) throw new Error('no such row')
    return first
  }
  return {
    id,
    contact,
    to: `+${phone}`,
    bell: { org: org.id, connection },
    say: (text, clientToken) =>
      queueMessage(on, org.id, {
        conversation: id,
        body: { type: 'text', text: { body: text } },
        cause: { kind: 'agent', person: org.owner.id },
        ...(clientToken ? { clientToken } : {}),
      }),
    async message(messageId) {
      const found = await on.db.withTenant(org.id, (tx) => getMessage(tx, org.id, messageId))
      return only(found ? [found] : [])
    },
    outbox: async (messageId) =>
      only(
        await run<OutboxRow>(
          `select state, attempts, fence, error_class, error_code,
                  extract(epoch from due_at - now())::float8 as wait_s,
                  extract(epoch from hold_until - now())::float8 as hold_s
             from outbox where message_id = ? and org_id = ?`,
          messageId,
        ),
      ),
    outboxIs: async (messageId, set) =>
      void (await run(`update outbox set ${set} where message_id = ? and org_id = ?`, messageId)),
    closeWindow: async () =>
      void (await run(
        `update conversations set window_expires_at = now() - interval '1 hour' where id = ? and org_id = ?`,
        id,
      )),
  }
}
