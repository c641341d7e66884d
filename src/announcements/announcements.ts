import { rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'
import { topicOf, type LetterKind } from '../ops/letter-kinds.ts'
import { DAY_MS } from '../privacy/limits.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'

/** What an operator may announce; a change of the policy and a breach announce themselves. */
export const WRITABLE = ['outage', 'security', 'features', 'tips', 'surveys'] as const
export type Writable = (typeof WRITABLE)[number]
export type AnnouncementKind = Writable | 'policy' | 'incident'

/** What each is called, and what it is for, where somebody chooses. */
export const WORDS: Readonly<Record<AnnouncementKind, { name: string; hint: string }>> = {
  outage: {
    name: 'Outage or maintenance',
    hint: 'Something does not work, or will not for a while.',
  },
  security: { name: 'Security', hint: 'Something people should do or know to stay safe.' },
  policy: { name: 'Privacy policy', hint: 'A new version and its day.' },
  incident: { name: 'Breach', hint: 'What happened to data, and what is done about it.' },
  features: { name: 'New features', hint: 'What the product can do now.' },
  tips: { name: 'Tips', hint: 'How to get more out of what is there.' },
  surveys: { name: 'Surveys', hint: 'Questions about how the product is used.' },
}

export type Announcement = {
  id: string
  kind: AnnouncementKind
  title: string
  body: string
  policy_version: string | null
  incident_id: string | null
  audience: 'everyone' | 'owners' | 'members'
  published_at: Date
  ends_at: Date
}

/** The letter an announcement goes out as: its kind alone decides the class. */
export const letterOf = (kind: AnnouncementKind): LetterKind => `announcement_${kind}`
export const topicFor = (kind: AnnouncementKind) => topicOf(letterOf(kind))
export const isOptional = (kind: AnnouncementKind): boolean => topicFor(kind) !== undefined

const COLUMNS =
  'id, kind, title, body, policy_version, incident_id, audience, published_at, ends_at'

/** Published at once: the banner stands for so many days, and mail goes out with the next look of the worker. */
export async function publish(
  on: Resources,
  wanted: { kind: Writable; title: string; body: string; days: number },
): Promise<string> {
  const now = on.now()
  const ends_at = new Date(now.getTime() + wanted.days * DAY_MS)
  const { kind, title, body } = wanted
  return on.db.withSystem((tx) =>
    insert(tx, { kind, title, body, audience: 'everyone', published_at: now, ends_at }),
  )
}

type New = Pick<Announcement, 'kind' | 'title' | 'body' | 'audience' | 'published_at' | 'ends_at'> &
  Partial<Pick<Announcement, 'policy_version' | 'incident_id'>>

/** Answers the id; '' when this version of the policy was announced before. */
export async function insert(tx: Tx, wanted: New): Promise<string> {
  const [made] = await rows<{ id: string }>(
    tx,
    `insert into announcements (id, kind, title, body, audience, published_at, ends_at, policy_version, incident_id)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (policy_version) do nothing returning id`,
    [
      newId(),
      wanted.kind,
      wanted.title,
      wanted.body,
      wanted.audience,
      wanted.published_at,
      wanted.ends_at,
      wanted.policy_version ?? null,
      wanted.incident_id ?? null,
    ],
  )
  return made?.id ?? ''
}

/** Take the banner down and write to nobody who was not written to yet. Throws Refusal 404. */
export async function endAnnouncement(on: Resources, id: string): Promise<void> {
  const ended = await on.db.withSystem((tx) =>
    rows(
      tx,
      `update announcements set ends_at = least(ends_at, ?) where id = ? and policy_version is null and incident_id is null
       returning id`,
      [on.now(), id],
    ),
  )
  if (ended.length === 0) throw notFound('announcement')
}

export type Published = Announcement & { mailed: number; dismissed: number }

/** The latest ones with how many were written to; for operators. */
export const listPublished = (on: Resources, limit = 50): Promise<Published[]> =>
  on.db.withSystem((tx) =>
    rows<Published>(
      tx,
      `select ${COLUMNS}, (select count(mailed_at)::int from announcement_reads r where r.announcement_id = a.id) as mailed,
              (select count(dismissed_at)::int from announcement_reads r where r.announcement_id = a.id) as dismissed
         from announcements a order by published_at desc, id desc limit ?`,
      [limit],
    ),
  )

/** Those whose time has come and is not over, the oldest first. */
export const listCurrent = (tx: Tx, now: Date): Promise<Announcement[]> =>
  rows<Announcement>(
    tx,
    `select ${COLUMNS} from announcements where published_at <= ? and ends_at > ? order by published_at, id`,
    [now, now],
  )
