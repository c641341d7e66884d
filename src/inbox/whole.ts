import type { Tx } from '../db.ts'
import { lastSeq } from '../feed/feed.ts'
import { thread } from '../messages/messages.ts'
import { unreadCount, type Conversation } from './conversations.ts'
import {
  assignable,
  freshText,
  markText,
  needConversation,
  readComposer,
  readerFor,
  readHead,
  readList,
  suffixOf,
  timesFor,
  withEnds,
  type Asked,
  type Viewer,
} from './page.ts'
import { freshLine, PAGE, readPart, type Part } from './thread.ts'

type Wish = Asked & { panel: string }
export type Opening = { id?: string; error?: string; text?: string }

/**
 * Everything a page of the inbox shows, read in one transaction. The feed's number comes first: what changes while
 * the rest is read comes again by the stream, and nothing is missed.
 */
export async function readInbox(tx: Tx, viewer: Viewer, wish: Wish, opening: Opening) {
  const seq = await lastSeq(tx, viewer.org)
  // With an id, `before` means messages of the thread.
  const list = await readList(tx, viewer, opening.id ? { ...wish, before: undefined } : wish)
  const open = opening.id
    ? await readOpen(tx, viewer, wish, { ...opening, id: opening.id, seq })
    : undefined
  return {
    list,
    open,
    stream: streamAt({ view: wish.view, after: String(seq) }),
    unread: await unreadCount(tx, viewer.org),
  }
}

async function readOpen(
  tx: Tx,
  viewer: Viewer,
  wish: Wish,
  { id, seq, error = '', text }: Opening & { id: string; seq: number },
) {
  const { org } = viewer
  const found = await needConversation(tx, org, id)
  const reader = readerFor(viewer, found)
  const newest = found.unread > 0 && !wish.before ? await thread(tx, org, id, { limit: PAGE }) : []
  const fresh = freshLine(newest, found.unread)
  const part = await readPart(tx, org, id, { reader, fresh, range: { before: wish.before } })
  const composer = await readComposer(tx, viewer, id)
  const place = { from: part.older ? markText(part.older) : '', fresh: freshText(fresh) }
  return {
    ...(await readHead(tx, viewer, found)),
    ...composer,
    ...place,
    draft: text ?? composer.draft,
    error,
    suffix: suffixOf(wish),
    pane: wish.panel === 'contact' ? 'contact' : 'thread',
    part: withEnds(part, endsOf(viewer, found, wish)),
    members: await assignable(tx, org, viewer.user),
    stream: streamAt({
      view: wish.view,
      after: String(seq),
      conversation: id,
      ...place,
      ...(found.restricted ? { restricted: '1' } : {}),
    }),
  }
}

const streamAt = (scope: Record<string, string>): string =>
  `/inbox/stream?${new URLSearchParams(scope).toString()}`

const endsOf = (viewer: Viewer, found: Conversation, wish: Asked) => ({
  to: `/inbox/${found.id}`,
  suffix: suffixOf(wish),
  start: `The conversation began on ${timesFor(viewer).date(found.created_at)}`,
  isOlder: wish.before !== undefined,
})

/** The page of messages before a place, for a thread that is scrolled up. */
export async function readOlder(tx: Tx, viewer: Viewer, id: string, wish: Asked) {
  const found = await needConversation(tx, viewer.org, id)
  const part: Part = await readPart(tx, viewer.org, id, {
    reader: readerFor(viewer, found),
    range: { before: wish.before },
  })
  return withEnds(part, { ...endsOf(viewer, found, wish), isOlder: false })
}
