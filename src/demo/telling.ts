import { newId } from '../ids.ts'
import { newPerson } from '../sandbox/people.ts'
import type { Entry, Person } from '../sandbox/state.ts'
import { newWamid } from '../sandbox/wire-format.ts'
import type { PastConversation, PastMessage } from './history.ts'
import type { Colleague, Said, Story } from './stories.ts'

const WINDOW_MS = 24 * 3_600_000
const FAILURE = { error_code: '131026', error_title: 'Message undeliverable' }

/** One story twice: as the customer's phone remembers it, and as the business does. */
export type Told = { person: Person; conversation: PastConversation }

/** Tell a story so that it ends now; both sides know each message by the same id. */
export function tellStory(story: Story, now: Date, authors: Record<Colleague, string>): Told {
  const person = newPerson(story.name, story.place, story.username)
  const said = story.said.map((one) => ({
    ...one,
    wamid: newWamid(),
    at: now.getTime() - one.minutesAgo * 60_000,
  }))
  const answered = Math.max(0, ...said.filter(({ by }) => by !== 'customer').map(({ at }) => at))
  const heard = said.filter(({ by, kind }) => by === 'customer' && kind !== 'reaction')
  const target = ({ to }: Said): string | undefined =>
    to === undefined ? undefined : said[to]?.wamid
  person.windowUntil = (heard.at(-1)?.at ?? 0) + WINDOW_MS
  person.seenAt = Math.max(...heard.map(({ at }) => at))
  // A reply that was never delivered is on no phone.
  person.chat = said
    .filter(({ status }) => status !== 'failed')
    .map((one) => toEntry(one, target(one), one.at < answered))
  const messages = said.map((one) => toMessage(one, target(one), authors))
  const conversation: PastConversation = {
    id: newId(),
    contact: {
      name: person.name,
      phone: person.hidden ? null : person.phone,
      userId: person.userId,
      username: person.username ?? null,
    },
    status: story.status ?? 'open',
    assignee: story.assignee ? authors[story.assignee] : null,
    unread: story.unread ?? 0,
    messages,
  }
  return { person, conversation }
}

type Placed = Said & { wamid: string; at: number }

function toEntry(said: Placed, context: string | undefined, isAnswered: boolean): Entry {
  const isCustomer = said.by === 'customer'
  const reached = said.status === 'sent' || said.status === 'delivered' ? said.status : 'read'
  return {
    id: said.wamid,
    side: isCustomer ? 'customer' : 'business',
    kind: said.kind ?? 'text',
    text: said.text,
    at: said.at,
    status: isCustomer && !isAnswered ? 'delivered' : reached,
    ...(context === undefined ? {} : { context }),
  }
}

function toMessage(
  said: Placed,
  context: string | undefined,
  authors: Record<Colleague, string>,
): PastMessage {
  const { by, kind = 'text', text, wamid, at, status = 'read' } = said
  return {
    id: newId(),
    direction: by === 'customer' ? 'in' : 'out',
    kind,
    text: kind === 'reaction' ? null : text,
    payload: payloadOf(kind, text, context),
    // What WhatsApp refused at once never got an id.
    wamid: status === 'failed' ? null : wamid,
    context_wamid: context ?? null,
    status: by === 'customer' ? 'received' : status,
    author_id: by === 'customer' ? null : authors[by],
    error_code: null,
    error_title: null,
    ...(status === 'failed' ? FAILURE : {}),
    at: new Date(at),
  }
}

function payloadOf(kind: string, text: string, context: string | undefined): object {
  if (kind === 'reaction') return { reaction: { message_id: context, emoji: text } }
  if (kind === 'image') return { image: { mime_type: 'image/jpeg', caption: text } }
  return {}
}
