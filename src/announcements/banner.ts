import { rows, type Tx } from '../db.ts'
import { recordBanner } from '../privacy/policy-shown.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import type { Announcement } from './announcements.ts'
import { CONCERNED } from './audience.ts'

export type Banner = Pick<Announcement, 'id' | 'kind' | 'title' | 'policy_version'>
type Reader = { user: string; now: Date }

/** Not those who want no more of this topic, nor those who have put it away. */
const STANDING = `
  not exists (select from mail_refusals f where f.user_id = u.id and f.topic = a.kind)
  and not exists (select from announcement_reads r
    where r.user_id = u.id and r.announcement_id = a.id and r.dismissed_at is not null)`

/**
 * The one announcement that stands above the pages of a person: what is most urgent, then what is newest. That it was
 * shown is kept when it first is.
 */
export async function readBanner(tx: Tx, { user, now }: Reader): Promise<Banner | undefined> {
  const [banner] = await rows<Banner & { isNew: boolean }>(
    tx,
    `select a.id, a.kind, a.title, a.policy_version, s.shown_at is null as "isNew"
       from announcements a join users u on u.id = :user
       left join announcement_reads s on s.user_id = u.id and s.announcement_id = a.id
      where a.published_at <= :now and a.ends_at > :now and ${CONCERNED} and ${STANDING}
      order by array_position(array['incident', 'security', 'outage', 'policy'], a.kind) nulls last, a.published_at desc
      limit 1`,
    { user, now },
  )
  if (!banner?.isNew) return banner
  await rows(
    tx,
    `insert into announcement_reads as r (user_id, announcement_id, shown_at) values (:user, :id, :now)
     on conflict (user_id, announcement_id) do update set shown_at = coalesce(r.shown_at, excluded.shown_at)`,
    { user, id: banner.id, now },
  )
  if (banner.policy_version !== null)
    await recordBanner(tx, { user, version: banner.policy_version, at: now })
  return banner
}

/** Put a banner away, for this person alone. Throws Refusal 404 for what is not theirs to see. */
export async function dismiss(on: Resources, user: string, id: string): Promise<void> {
  const put = await on.db.withSystem((tx) =>
    rows(
      tx,
      `insert into announcement_reads as r (user_id, announcement_id, shown_at, dismissed_at)
       select u.id, a.id, :now, :now from announcements a join users u on u.id = :user where a.id = :id and ${CONCERNED}
       on conflict (user_id, announcement_id) do update set dismissed_at = coalesce(r.dismissed_at, excluded.dismissed_at)
       returning 1`,
      { user, id, now: on.now() },
    ),
  )
  if (put.length === 0) throw notFound('announcement')
}

export type Update = Pick<
  Announcement,
  'id' | 'kind' | 'title' | 'body' | 'policy_version' | 'published_at'
>

/** Everything that was announced to this person, the latest first: nobody needs the mail. */
export const listUpdates = (on: Resources, user: string, limit = 50): Promise<Update[]> =>
  on.db.withSystem((tx) =>
    rows<Update>(
      tx,
      `select a.id, a.kind, a.title, a.body, a.policy_version, a.published_at
         from announcements a join users u on u.id = :user
        where a.published_at <= :now and (${CONCERNED} or a.policy_version is not null)
        order by a.published_at desc, a.id desc limit :limit`,
      { user, now: on.now(), limit },
    ),
  )
