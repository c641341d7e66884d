import type { Tx } from '../db.ts'
import type { FeedEntry } from '../feed/feed.ts'
import { getMessage, messageByWamid, type Message } from '../messages/messages.ts'
import { getConversation, type Conversation } from './conversations.ts'
import type { Shown } from './bubbles.ts'
import type { Brief, Changes } from './changes.ts'
import {
  readHead,
  readerFor,
  readList,
  suffixOf,
  timesFor,
  type Head,
  type ListModel,
  type Viewer,
} from './page.ts'
import { belongs, nameOf, rowOf, signOf, type Row, type View } from './rows.ts'
import type { Fresh } from './blocks.ts'
import { ATTACHED, readPart, showAll, type Mark, type Part } from './thread.ts'
import type { Formats } from './times.ts'

/** What a page shows; pages of one scope get the very same changes, rendered once. */
export type Scope = {
  view: View
  /** Empty unless the view is about a person. */
  person: string
  zone: string
  formats?: Formats | undefined
  mayAdmin: boolean
  conversation: string
  from: Mark | undefined
  fresh: Fresh | undefined
  /** The page was opened while the contact was restricted, and shows nothing that was said. */
  restricted: boolean
}

export type LiveModel = {
  rows: Row[]
  gone: string[]
  list: ListModel | undefined
  suffix: string
  unread: number
  announce: string
  /** The thread is not to be seen, or is again: a sentence stands in its place. */
  closed: 'restricted' | 'lifted' | undefined
  part: Part | undefined
  messages: Shown[]
  open: (Head & { suffix: string }) | undefined
}

/** The same changes as one scope shows them. */
export async function shapeChanges(
  tx: Tx,
  changes: Changes,
  scope: Scope,
  at: { org: string; now: Date },
): Promise<LiveModel> {
  const { view, person, zone, formats } = scope
  const viewer: Viewer = { ...at, zone, formats, user: person, mayAdmin: scope.mayAdmin }
  const times = timesFor(viewer)
  const belonging = changes.conversations.filter((c) => belongs(c, view, person))
  return {
    rows: belonging.map((c) => rowOf(c, { times, now: at.now })),
    gone: changes.conversations.filter((c) => !belonging.includes(c)).map(({ id }) => id),
    list: changes.isGap ? await readList(tx, viewer, { view, q: '' }) : undefined,
    suffix: suffixOf({ view, q: '' }),
    unread: changes.unread,
    announce: announcement(changes, scope),
    ...(await shapeThread(tx, changes, scope, viewer)),
  }
}

type Threaded = Pick<LiveModel, 'closed' | 'part' | 'messages' | 'open'>

async function shapeThread(
  tx: Tx,
  changes: Changes,
  scope: Scope,
  viewer: Viewer,
): Promise<Threaded> {
  const { conversation: id } = scope
  const touched =
    changes.isGap || changes.conversations.some((conversation) => conversation.id === id)
  const found = id && touched ? await getConversation(tx, viewer.org, id) : undefined
  if (!found) return UNTOUCHED
  const open = {
    ...(await readHead(tx, viewer, found)),
    suffix: suffixOf({ view: scope.view, q: '' }),
  }
  if (found.restricted || scope.restricted)
    return { ...UNTOUCHED, closed: found.restricted ? 'restricted' : 'lifted', open }
  return { ...(await shapeMessages(tx, changes, scope, { viewer, found })), open }
}

type Seen = { viewer: Viewer; found: Conversation }

/** The thread anew where it has something it did not show, else the messages that changed. */
async function shapeMessages(
  tx: Tx,
  changes: Changes,
  { conversation: id, from, fresh }: Scope,
  { viewer, found }: Seen,
): Promise<Omit<Threaded, 'open'>> {
  const { org } = viewer
  const reader = readerFor(viewer, found)
  const own = changes.messages.filter((message) => message.conversation_id === id)
  const bringsNew = changes.isGap || isNews(changes.entries, id, own)
  const updated = bringsNew ? await targets(tx, org, own) : await whole(tx, org, own)
  return {
    closed: undefined,
    part: bringsNew
      ? await readPart(tx, org, id, { reader, fresh, range: from ? { from } : {} })
      : undefined,
    messages: await showAll(tx, org, updated, reader),
  }
}

const UNTOUCHED: Threaded = { closed: undefined, part: undefined, messages: [], open: undefined }

/**
 * Whether the thread has a message it did not show: one that came in, or any other whose entry moved the conversation
 * too. A status moves its message alone.
 */
const isNews = (entries: FeedEntry[], conversation: string, own: Brief[]): boolean =>
  entries.some(
    ({ kind, ref_id }) => kind === 'message.received' && own.some((m) => m.id === ref_id),
  ) ||
  (own.length > 0 &&
    entries.some(({ kind, ref_id }) => kind === 'conversation.updated' && ref_id === conversation))

async function whole(tx: Tx, org: string, own: Brief[]): Promise<Message[]> {
  const found: Message[] = []
  for (const { id } of own) {
    const message = await getMessage(tx, org, id)
    if (message) found.push(message)
  }
  return found
}

/** Messages that a new reaction, edit or deletion is about, which may lie above what is morphed. */
async function targets(tx: Tx, org: string, own: Brief[]): Promise<Message[]> {
  const found: Message[] = []
  for (const { kind, context_wamid: wamid } of own) {
    const message = ATTACHED.has(kind) && wamid ? await messageByWamid(tx, org, wamid) : undefined
    if (message) found.push(message)
  }
  return found
}

/** What a screen reader hears: the newest thing a customer said, or that several did; never ticks. */
function announcement(changes: Changes, { conversation }: Scope): string {
  const arrived = new Set(
    changes.entries.filter(({ kind }) => kind === 'message.received').map(({ ref_id }) => ref_id),
  )
  const news = changes.messages.filter((m) => arrived.has(m.id) && m.direction === 'in')
  const last = news.at(-1)
  if (!last) return ''
  if (news.length > 1) return `${news.length} new messages`
  const from = changes.conversations.find(({ id }) => id === last.conversation_id)
  const name = from ? nameOf(from) : 'a customer'
  return last.conversation_id === conversation
    ? `${name}: ${last.text ?? signOf(last.kind)[1]}`
    : `New message from ${name}`
}
