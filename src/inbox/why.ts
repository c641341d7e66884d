import { getMessage, type Message } from '../messages/messages.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { causesOf, type Decision } from '../sending/cause.ts'
import { timesFor, type Viewer } from './page.ts'
import type { Times } from './times.ts'

/** Why one message was sent, by whom, and what became of it. */
export type Why = {
  conversation: string
  because: string
  by: string
  asked: string
  /** What happened to it since, with times; what has not happened is not here. */
  events: { name: string; at: string }[]
}

/** Throws Refusal 404 for a message that did not go out from here, or went out before reasons were kept. */
export async function readWhy(on: Resources, viewer: Viewer, id: string): Promise<Why> {
  const { org } = viewer
  const { message, decision } = await on.db.withTenant(org, async (tx) => ({
    message: await getMessage(tx, org, id),
    decision: (await causesOf(tx, org, [id])).get(id),
  }))
  if (!message || !decision) throw notFound('reason')
  const times = timesFor(viewer)
  return {
    conversation: message.conversation_id,
    because: decision.because,
    by: whoAsked(decision),
    asked: times.full(decision.at),
    events: eventsOf(message, times),
  }
}

function whoAsked({ kind, person, key, version }: Decision): string {
  if (kind === 'rule') return `A rule of the organization, version ${version}`
  if (kind === 'api_key')
    return key ? `The API key “${key.name}” (…${key.hint})` : 'An API key that is gone'
  return person ?? 'Somebody whose account is gone'
}

const eventsOf = (m: Message, times: Times): Why['events'] =>
  [
    ['Sent', m.sent_at] as const,
    ['Delivered', m.delivered_at] as const,
    ['Read', m.read_at] as const,
    ['Failed', m.status === 'failed' ? m.failed_at : null] as const,
  ].flatMap(([name, at]) => (at ? { name, at: times.full(at) } : []))
