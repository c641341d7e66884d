import { createApiKey } from '../../src/accounts/api-keys.ts'
import { createContact } from '../../src/contacts/changes.ts'
import { rows } from '../../src/db.ts'
import { newId } from '../../src/ids.ts'
import { openConversation } from '../../src/inbox/conversations.ts'
import type { Running } from './app.ts'
import type { Org } from './org.ts'

// Tests read whatever an answer holds, wrong shapes too.
type Json = Record<string, unknown>
export type Got = { status: number; headers: Headers; body: Json }
export type Program = {
  key: string
  get(path: string): Promise<Got>
  send(method: string, path: string, body: unknown, headers?: Record<string, string>): Promise<Got>
}

/** A program with a key of the organization, calling API v1 over HTTP. */
export async function program(app: Running, org: Org, scopes?: string[]): Promise<Program> {
  const { key } = await createApiKey(app.on, org.id, { name: 'Test', ...(scopes && { scopes }) })
  const ask = async (path: string, init: RequestInit): Promise<Got> => {
    const answer = await fetch(`${app.url}/api/v1${path}`, init)
    return {
      status: answer.status,
      headers: answer.headers,
      body: (await answer.json()) as Json,
    }
  }
  const authorization = `Bearer ${key}`
  return {
    key,
    get: (path) => ask(path, { headers: { authorization } }),
    send: (method, path, body, headers = {}) =>
      ask(path, {
        method,
        headers: { authorization, 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
  }
}

export type Talk = { contact: string; conversation: string }

let people = 0

/** A conversation with somebody new who wrote a moment ago, unless `open` is false. */
export async function talkWith(app: Running, org: Org, open = true): Promise<Talk> {
  people += 1
  const phone = `1415555${String(1_000 + people)}`
  const contact = await createContact(app.on, org.id, { name: `Person ${people}`, phone })
  const conversation = await app.on.db.withTenant(org.id, async (tx) => {
    const id = await openConversation(tx, org.id, org.connection.id, contact.id)
    const expires = new Date(app.on.now().getTime() + (open ? 86_400_000 : -60_000))
    await rows(tx, 'update conversations set window_expires_at = ? where org_id = ? and id = ?', [
      expires,
      org.id,
      id,
    ])
    return id
  })
  return { contact: contact.id, conversation }
}

/** Messages of the customer, one a second from `start` on; the oldest first. */
export async function received(
  app: Running,
  org: Org,
  talk: Talk,
  { count, start = new Date('2026-11-24T08:00:00Z') }: { count: number; start?: Date },
): Promise<string[]> {
  const ids = Array.from({ length: count }, () => newId())
  await app.on.db.withTenant(org.id, async (tx) => {
    for (const [n, id] of ids.entries())
      await rows(
        tx,
        `insert into messages (org_id, id, conversation_id, direction, kind, text, payload, wamid, status, created_at)
         values (?, ?, ?, 'in', 'text', ?, ?, ?, 'received', ?)`,
        [
          org.id,
          id,
          talk.conversation,
          `Message ${n}`,
          JSON.stringify({ body: `Message ${n}` }),
          `wamid.${id}`,
          new Date(start.getTime() + n * 1_000),
        ],
      )
  })
  return ids
}
