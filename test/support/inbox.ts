import { randomUUID } from 'node:crypto'
import type { Running } from './app.ts'
import { arrive, read } from './inbound.ts'
import { messageOf, messagesBody, newCustomer, seconds, type Customer } from './meta.ts'
import type { Org, Person } from './org.ts'
import { signInAs } from './sign-in.ts'
import { until } from './until.ts'
import { visit, type Answer, type Visitor } from './visitor.ts'

/** What htmx says when it wants a part of a page. */
export const PART = { 'HX-Request': 'true', 'HX-Request-Type': 'partial' }

export type Agent = Visitor & {
  person: Person
  cookie: string
  part(path: string): Promise<Answer>
  act(path: string, form?: Record<string, string>): Promise<Answer>
  reply(conversation: string, text: string, token?: string): Promise<Answer>
  stream(query: string, headers?: Record<string, string>): Promise<Stream>
}

/** An agent of the organization with a browser that is signed in. */
export async function agent(app: Running, org: Org, role = 'agent'): Promise<Agent> {
  const person = await org.person(role)
  const cookie = await signInAs(app.on, org, person)
  const visitor = visit(app, { cookie })
  const act = (path: string, form = {}): Promise<Answer> => visitor.post(path, form, PART)
  return {
    ...visitor,
    person,
    cookie,
    part: (path) => visitor.get(path, PART),
    act,
    reply: (conversation, text, token = randomUUID()) =>
      act(`/inbox/${conversation}/messages`, { text, client_token: token }),
    stream: (query, headers = {}) =>
      openStream(app, `/inbox/stream?${query}`, { cookie, ...headers }),
  }
}

export type Chat = {
  id: string
  customer: Customer & { phone: string; name: string }
  /** Another message of the same customer, `minutes` ago by WhatsApp's clock. */
  says(text: string, minutes?: number): Promise<void>
}

/** A customer who has just written, and the conversation that came of it. */
export async function chatWith(app: Running, org: Org, text: string, minutes = 0): Promise<Chat> {
  const made = newCustomer()
  const customer = { ...made, name: made.name ?? 'A customer' }
  const says = (words: string, ago = 0): Promise<void> => {
    const timestamp = seconds(new Date(Date.now() - ago * 60_000))
    const message = messageOf(customer, words, { timestamp, text: { body: words } })
    return arrive(app.on, org, messagesBody(org.connection, customer, message))
  }
  await says(text, minutes)
  const [found] = await read<{ id: string }>(
    app.on,
    org,
    `select c.id from conversations c join contact_identities i on i.org_id = c.org_id and i.contact_id = c.contact_id
      where c.org_id = :org and i.kind = 'phone' and i.value = '${customer.phone}'`,
  )
  return { id: found?.id ?? '', customer, says }
}

export type Stream = {
  /** All that came so far. */
  text(): string
  /** Numbers of the events that came so far. */
  ids(): number[]
  /** Waits until the stream has said this, and gives back everything. */
  says(words: string): Promise<string>
  ended(): boolean
  close(): void
}

async function openStream(
  app: Running,
  path: string,
  headers: Record<string, string>,
): Promise<Stream> {
  const hangUp = new AbortController()
  const answer = await fetch(app.url + path, {
    headers: { accept: 'text/html, text/event-stream', ...headers },
    signal: hangUp.signal,
  })
  if (answer.status !== 200) throw new Error(`the stream answered ${answer.status}`)
  let text = ''
  let isEnded = false
  const follow = async (): Promise<void> => {
    const decoder = new TextDecoder()
    for await (const chunk of answer.body ?? [])
      text += decoder.decode(chunk as Uint8Array, { stream: true })
  }
  void follow()
    .catch(() => undefined)
    .finally(() => (isEnded = true))
  return {
    text: () => text,
    ids: () => [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id)),
    says: (words) => until(() => text.includes(words) && text),
    ended: () => isEnded,
    close: () => hangUp.abort(),
  }
}
