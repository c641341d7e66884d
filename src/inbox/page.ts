import { listContacts } from '../contacts/contacts.ts'
import { showPhone } from '../contacts/phone.ts'
import { rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'
import { notFound } from '../refusal.ts'
import { kindsOf, type Kind } from '../restrictions/gate.ts'
import { asksOf } from '../rights/shown.ts'
import type { Reader } from './ticks.ts'
import { getConversation, listConversations, type Conversation } from './conversations.ts'
import { draftsOf } from './drafts.ts'
import { nameOf, rowsFor, VIEWS, wantedIn, windowChip, type Row, type View } from './rows.ts'
import type { Fresh } from './blocks.ts'
import type { Mark, Part } from './thread.ts'
import { timesIn, type Formats, type Times } from './times.ts'

const ROWS = 50

/** The person looking, and what their browser told of their clock. */
export type Viewer = {
  user: string
  org: string
  mayAdmin: boolean
  zone: string
  formats?: Formats | undefined
  now: Date
}
export type Asked = { view: View; q: string; before?: Mark | undefined }

export const timesFor = (viewer: Viewer): Times => timesIn(viewer.zone, viewer.now, viewer.formats)

/** A place as it stands in an address: milliseconds and id. */
export const markText = ({ at, id }: Mark): string => `${at.getTime()}_${id}`

/** What comes behind an address of the inbox so that it opens in the same view. */
export function suffixOf({ view, q }: { view: View; q: string }): string {
  const query = new URLSearchParams({ ...(view === 'open' ? {} : { view }), ...(q ? { q } : {}) })
  return query.size > 0 ? `?${query.toString()}` : ''
}

export type ListModel = Asked & {
  tabs: typeof VIEWS
  rows: Row[]
  suffix: string
  more: string
  later: string
  empty: string
  firstUse: boolean
}

/** One page of the list: a view, or what a search among its contacts finds. */
export async function readList(tx: Tx, viewer: Viewer, asked: Asked): Promise<ListModel> {
  const { org, user, now } = viewer
  const contacts = asked.q
    ? (await listContacts(tx, org, { q: asked.q, limit: 200 })).map(({ id }) => id)
    : undefined
  const found = await listConversations(tx, org, {
    ...wantedIn(asked.view, user),
    contacts,
    before: asked.before,
    limit: ROWS + 1,
  })
  const page = found.slice(0, ROWS)
  const last = page.at(-1)
  const suffix = suffixOf(asked)
  const beyond = found.length > ROWS && last
  return {
    ...asked,
    tabs: VIEWS,
    rows: await rowsFor(tx, org, page, { user, now, times: timesFor(viewer) }),
    suffix,
    more: beyond
      ? `/inbox${suffix ? `${suffix}&` : '?'}before=${markText({ at: last.last_message_at, id: last.id })}`
      : '',
    later: asked.before ? `/inbox${suffix}` : '',
    empty: VIEWS.find(({ view }) => view === asked.view)?.empty ?? '',
    firstUse: page.length === 0 && !asked.q && (await isUntouched(tx, org)),
  }
}

const isUntouched = async (tx: Tx, org: string): Promise<boolean> =>
  (await listConversations(tx, org, { limit: 1 })).length === 0

/** What the bar above a thread and the panel beside it show; the same for everyone who looks. */
export type Head = Awaited<ReturnType<typeof readHead>>

export async function readHead(
  tx: Tx,
  viewer: Pick<Viewer, 'org' | 'now' | 'zone' | 'formats'>,
  c: Conversation,
) {
  const times = timesIn(viewer.zone, viewer.now, viewer.formats)
  const window = windowChip(c.window_expires_at, viewer.now)
  const { connection, since, is_doubtful } = await beside(tx, viewer.org, c)
  const requests = await asksOf(tx, viewer.org, c.contact_id, viewer.now)
  return {
    id: c.id,
    contact: c.contact_id,
    name: nameOf(c),
    shortName: shortNameOf(c),
    phone: c.contact_phone ? showPhone(c.contact_phone) : '',
    username: c.contact_username ?? '',
    status: c.status,
    restricted: c.restricted,
    wishes: wishesOf(await kindsOf(tx, viewer.org, c.contact_id)),
    unread: c.unread,
    assignee: c.assignee_id
      ? { id: c.assignee_id, name: c.assignee_name ?? 'Former member' }
      : undefined,
    window,
    expires: c.window_expires_at?.getTime() ?? 0,
    windowTitle:
      window.kind === 'closed'
        ? 'More than 24 hours since they wrote'
        : `Free replies until ${times.full(c.window_expires_at ?? viewer.now)}`,
    requests,
    connection,
    since: times.date(since),
    isDoubtful: is_doubtful,
    lastWrote: c.window_expires_at ? momentOf(times, lastInbound(c.window_expires_at)) : '',
  }
}

/** What whoever writes should know before typing. */
const WISHES: Readonly<Partial<Record<Kind, string>>> = {
  no_marketing: 'No marketing',
  no_automation: 'Answers by people only',
  no_personalisation: 'No treatment by profile',
}
const wishesOf = (kinds: Kind[]): string[] => kinds.flatMap((kind) => WISHES[kind] ?? [])

const DAY_MS = 86_400_000
/** The window is open for a day after the customer's newest message. */
const lastInbound = (expires: Date): Date => new Date(expires.getTime() - DAY_MS)
const momentOf = (times: Times, at: Date): string => `${times.day(at)}, ${times.clock(at)}`

/** How a sentence calls the person: by their first name where there is one. */
export function shortNameOf(c: Conversation): string {
  const [first] = c.contact_name?.trim().split(/\s+/) ?? []
  return first || nameOf(c)
}

export const readerFor = (
  viewer: Pick<Viewer, 'now' | 'zone' | 'formats' | 'mayAdmin'>,
  c: Conversation,
): Reader => ({
  times: timesIn(viewer.zone, viewer.now, viewer.formats),
  now: viewer.now,
  contactName: shortNameOf(c),
  mayAdmin: viewer.mayAdmin,
})

type Beside = { connection: string; since: Date; is_doubtful: boolean }

async function beside(tx: Tx, org: string, c: Conversation): Promise<Beside> {
  const [found] = await rows<Beside>(
    tx,
    `select coalesce(n.display_phone, nullif(n.name, ''), n.phone_number_id) as connection, least(k.created_at, :began) as since,
            exists (select from merge_suggestions s
                     where s.org_id = :org and k.id in (s.contact_id, s.other_id) and s.dismissed_at is null) as is_doubtful
       from contacts k, connections n
      where k.org_id = :org and k.id = :contact and n.org_id = :org and n.id = :connection`,
    { org, contact: c.contact_id, connection: c.connection_id, began: c.created_at },
  )
  return found ?? { connection: '', since: c.created_at, is_doubtful: false }
}

export type Assignable = { id: string; name: string; isRecent: boolean }

/** Who can be given a conversation: first those to whom `user` gave some lately, then by name. */
export async function assignable(tx: Tx, org: string, user: string): Promise<Assignable[]> {
  return rows(
    tx,
    `select u.id, u.name, r.at is not null as "isRecent" from memberships m join users u on u.id = m.user_id
       left join recent_assignees r on r.org_id = m.org_id and r.user_id = ? and r.assignee_id = u.id
      where m.org_id = ? and m.role <> 'viewer' and u.disabled_at is null
      order by r.at desc nulls last, lower(u.name), u.id limit 200`,
    [user, org],
  )
}

/** Throws Refusal 404 for an id that is unknown or another organization's. */
export async function needConversation(tx: Tx, org: string, id: string): Promise<Conversation> {
  const found = await getConversation(tx, org, id)
  if (!found) throw notFound('conversation')
  return found
}

/** What the writing box starts with: the person's kept draft and a token that makes one message of two submits. */
export async function readComposer(
  tx: Tx,
  viewer: Viewer,
  conversation: string,
): Promise<{ token: string; draft: string; draftAt: number }> {
  const drafts = await draftsOf(tx, viewer.org, viewer.user, [conversation])
  const draft = drafts.get(conversation)
  return {
    token: newId(),
    draft: draft?.text ?? '',
    draftAt: draft?.updated_at.getTime() ?? 0,
  }
}

/** The links at both ends of a part and the sentence where the conversation began. */
export function withEnds(
  part: Part,
  ends: { to: string; suffix: string; start: string; isOlder: boolean },
): Omit<Part, 'older'> & { older: string; later: string; start: string } {
  const { to, suffix, start, isOlder } = ends
  const query = suffix ? `${suffix}&` : '?'
  return {
    ...part,
    older: part.older ? `${to}${query}before=${markText(part.older)}` : '',
    later: isOlder ? `${to}${suffix}` : '',
    start: part.older ? '' : start,
  }
}

export const freshText = (fresh: Fresh | undefined): string =>
  fresh ? `${fresh.id}_${fresh.count}` : ''
