import { rows, type Tx } from '../db.ts'
import type { Resources } from '../resources.ts'
import { LETTERS, TOPICS, topicOf, type LetterKind, type Topic } from './letter-kinds.ts'

/** By which road somebody refused: their settings, or the link of a letter. */
export type Road = 'settings' | 'link'

export type Wanted = Record<Topic, boolean>

/** Which optional letters a person takes; all of them until they refuse. */
export async function listWanted(on: Resources, user: string): Promise<Wanted> {
  const refused = await on.db.withSystem((tx) =>
    rows<{ topic: Topic }>(tx, `select topic from mail_refusals where user_id = ?`, [user]),
  )
  const isRefused = new Set(refused.map(({ topic }) => topic))
  return Object.fromEntries(TOPICS.map((topic) => [topic, !isRefused.has(topic)])) as Wanted
}

/** Keeps what a person wants from now on. What is refused and waits to be sent is dropped in the same step. */
export async function setWanted(on: Resources, user: string, wanted: Wanted): Promise<void> {
  await on.db.withSystem(async (tx) => {
    for (const topic of TOPICS)
      if (wanted[topic])
        await rows(tx, `delete from mail_refusals where user_id = ? and topic = ?`, [user, topic])
      else await keep(tx, { user, topic, road: 'settings', at: on.now() })
  })
}

/**
 * Refuse one topic by the link of a letter; false when there is no such person any more. Twice is once.
 * Source: RFC 8058; GDPR 21(3), which lets an objection count at once.
 */
export async function refuseMail(on: Resources, user: string, topic: Topic): Promise<boolean> {
  return on.db.withSystem(async (tx) => {
    const found = await rows(tx, `select 1 from users where id = ? for key share`, [user])
    if (found.length > 0) await keep(tx, { user, topic, road: 'link', at: on.now() })
    return found.length > 0
  })
}

type Refused = { user: string; topic: Topic; road: Road; at: Date }

async function keep(tx: Tx, { user, topic, road, at }: Refused): Promise<void> {
  await rows(
    tx,
    `insert into mail_refusals (user_id, topic, road, at) values (?, ?, ?, ?) on conflict do nothing`,
    [user, topic, road, at],
  )
  await rows(
    tx,
    `delete from mail_outbox where user_id = ? and kind = any(?) and state in ('pending', 'kept', 'failed')`,
    [user, kindsOf(topic) as never],
  )
}

const kindsOf = (topic: Topic): LetterKind[] =>
  (Object.keys(LETTERS) as LetterKind[]).filter((kind) => topicOf(kind) === topic)

/** Whether a letter may go to this person at this moment; an essential one always may. An organization's no counts for its members. */
export async function mayGo(tx: Tx, kind: LetterKind, user: string | null): Promise<boolean> {
  const topic = topicOf(kind)
  if (topic === undefined) return true
  const refused = await rows(
    tx,
    `select 1 from mail_refusals where user_id = :user and topic = :topic
     union all select 1 from user_orgs(:user) m join organizations o using (org_id) where o.no_optional_mail`,
    { user, topic },
  )
  return user !== null && refused.length === 0
}
