import { rows, type Tx } from '../db.ts'
import type { Change } from '../feed/feed.ts'
import type { MessageUpdate } from '../messages/updates.ts'
import type { Resources } from '../resources.ts'
import { restrictIn } from '../restrictions/restrictions.ts'
import { challengedOf, judge } from './challenge.ts'
import { codeIn, hear, type Heard } from './keywords.ts'
import { onceDigest } from './numbers.ts'
import { openIn } from './request.ts'
import type { Kind } from './vocabulary.ts'

const SUBJECT = { kind: 'subject' } as const
/** So many codes for one request; then a person has to look. */
const CODES = 5

type Said = {
  contact: string
  text: string
  at: Date
  heard: Heard | undefined
  code: string | undefined
}

/**
 * Requests in messages that have just been stored, in the transaction that stores them: a message that Meta delivers
 * twice is new once. Nothing is answered and nothing erased here; the rows say what is due. Returns what to tell the
 * feed. Its statements come before the feed's and after all others.
 */
export async function hearRequests(
  on: Resources,
  tx: Tx,
  org: string,
  arrivals: readonly Arrived[],
): Promise<Change[]> {
  const changes: Change[] = []
  for (const said of await placed(tx, org, arrivals))
    if (said.code !== undefined) await tryCode(on, tx, org, { ...said, code: said.code })
    else if (said.heard) changes.push(...(await take(on, tx, org, { ...said, heard: said.heard })))
  return changes
}

async function take(
  on: Resources,
  tx: Tx,
  org: string,
  said: Said & { heard: Heard },
): Promise<Change[]> {
  const { ask, language } = said.heard
  if (ask === 'stop') return stop(on, tx, org, said.contact)
  await open(on, tx, org, { ...said, kind: ask, language })
  return []
}

type Arrived = { conversation: string; update: MessageUpdate }

/** Marketing ends with the word, without a case. Source: GDPR Art. 21(3). */
async function stop(on: Resources, tx: Tx, org: string, contact: string): Promise<Change[]> {
  const { changes } = await restrictIn(on, tx, org, {
    contact,
    kind: 'no_marketing',
    ground: 'objection',
    road: 'chat',
    by: SUBJECT,
  })
  return changes
}

/** Almost every message asks for nothing, so the conversation is looked up for the others only. */
async function placed(tx: Tx, org: string, arrivals: readonly Arrived[]): Promise<Said[]> {
  const asking = arrivals.flatMap(({ conversation, update: { kind, text, at } }) => {
    if (text === null || !['text', 'button', 'interactive'].includes(kind)) return []
    const [heard, code] = [hear(text), codeIn(text)]
    return heard || code ? [{ conversation, text, at, heard, code }] : []
  })
  if (asking.length === 0) return []
  const found = await rows<{ id: string; contact_id: string }>(
    tx,
    'select id, contact_id from conversations where org_id = ? and id = any(?)',
    [org, asking.map(({ conversation }) => conversation) as never],
  )
  const contacts = new Map(found.map(({ id, contact_id }) => [id, contact_id]))
  return asking
    .map(({ conversation, text, at, heard, code }) => ({
      contact: contacts.get(conversation) ?? '',
      text,
      at,
      heard,
      code,
    }))
    .toSorted((a, b) => a.at.getTime() - b.at.getTime())
}

async function open(
  on: Resources,
  tx: Tx,
  org: string,
  { contact, text, at, kind, language }: Said & { kind: Kind; language: string },
): Promise<void> {
  const now = on.now()
  const { id, isNew } = await openIn(on, tx, {
    org,
    contact,
    language,
    kind,
    road: 'chat',
    by: SUBJECT,
    verified: 'chat',
    received: at < now ? at : now,
    texts: { asked: text },
    once: onceDigest(on, 'chat', contact, kind),
    isKeyword: true,
  })
  if (!isNew && kind === 'erase') await askAgain(tx, org, id, now)
}

/** Asked once more when the code has run out: another one is due, but not for ever. */
const askAgain = (tx: Tx, org: string, id: string, now: Date): Promise<unknown> =>
  rows(
    tx,
    `update privacy_requests set answer = 'due' where org_id = ? and id = ? and answer = 'sent' and confirmed_at is null
        and challenges < ? and coalesce(challenge_until, '-infinity') < ?`,
    [org, id, CODES, now],
  )

/** Six digits are somebody's answer to a code only where one is awaited. */
async function tryCode(
  on: Resources,
  tx: Tx,
  org: string,
  { contact, code, at }: Said & { code: string },
): Promise<void> {
  const request = await challengedOf(tx, org, contact)
  if (request) await judge(on, tx, request, { code, at, by: SUBJECT })
}
