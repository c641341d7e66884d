import { rows } from '../db.ts'
import { appendFeed } from '../feed/feed.ts'
import { DAY_MS } from '../privacy/limits.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { restrictedSql } from '../restrictions/gate.ts'
import { claim, type At, type Claimed } from './claim.ts'
import { askForFile, type Got, type Outcome } from './download.ts'
import { removeFile } from './shelf.ts'

const AGAIN_S = [5, 15, 60, 300, 900, 3_600, 10_800, 21_600]
/** So long an id from a webhook is good for. Source: WhatsApp Cloud API, media. */
const LIFE_MS = 7 * DAY_MS

/**
 * Fetch a file when it is due and nobody else is at it. The row is the truth: it names the place of the file before a byte
 * is written there, so whatever a process leaves behind when it dies is found and removed by the next one.
 */
export async function fetchMedia(on: Resources, at: At): Promise<void> {
  const claimed = await claim(on, at)
  if (!claimed) return
  const outcome: Outcome =
    'problem' in claimed ? { kind: 'again', error: claimed.problem } : await askForFile(on, claimed)
  await settle(on, { ...at, ...claimed }, outcome)
}

/** Writes down how it ended. Whoever lost the claim meanwhile, or whose message is gone, takes the file along. */
async function settle(
  on: Resources,
  claimed: At & Pick<Claimed, 'location' | 'attempts' | 'created_at'>,
  outcome: Outcome,
): Promise<void> {
  const { org, id, location } = claimed
  if (outcome.kind !== 'stored') await removeFile(on, { org, location })
  const change = changeFor(on.now(), claimed, outcome)
  const isOurs = await on.db
    .withTenant(org, async (tx) => {
      const changed: { message_id: string }[] = await tx('media')
        .where({ org_id: org, id, location, status: 'fetching' })
        .whereNotNull('message_id')
        .update(change, ['message_id'])
      const changes = changed.map(({ message_id: ref }) => ({
        kind: 'message.updated' as const,
        ref,
      }))
      await appendFeed(tx, org, changes)
      return changed.length > 0
    })
    .catch(async (error: unknown) => {
      if (outcome.kind === 'stored') await removeFile(on, { org, location })
      throw error
    })
  if (isOurs) on.events.publish({ kind: 'feed', org })
  else if (outcome.kind === 'stored') await removeFile(on, { org, location })
  const error = 'error' in outcome ? outcome.error : undefined
  on.log.info(
    { org, media: id, outcome: outcome.kind, code: error, attempt: claimed.attempts },
    'fetched',
  )
}

function changeFor(
  now: Date,
  { attempts, created_at }: Pick<Claimed, 'attempts' | 'created_at'>,
  outcome: Outcome,
): object {
  if (outcome.kind === 'stored')
    return { status: 'stored', due_at: null, error: null, ...gotten(outcome) }
  const { kind, error } = outcome
  if (kind !== 'again') return { status: kind, error, due_at: null, location: null }
  if (now.getTime() - created_at.getTime() >= LIFE_MS)
    return { status: 'expired', error, due_at: null, location: null }
  const waitS = AGAIN_S[Math.min(attempts, AGAIN_S.length) - 1] ?? 0
  return {
    status: 'pending',
    error,
    due_at: new Date(now.getTime() + waitS * 1_000),
    location: null,
  }
}

const gotten = ({ size, sha256, mime, dimensions }: Got): object => ({
  size,
  sha256,
  mime,
  width: dimensions?.width ?? null,
  height: dimensions?.height ?? null,
})

/** Files that wait for their turn, or whose worker died: to be rung for again. */
export const dueMedia = (on: Resources, limit = 500): Promise<At[]> =>
  on.db.withSystem(async (tx) => {
    const due = await rows<{ org_id: string; id: string }>(tx, 'select * from due_media(?, ?)', [
      on.now(),
      limit,
    ])
    return due.map(({ org_id: org, id }) => ({ org, id }))
  })

/**
 * Fetch a file now, whatever its next try is; one that was given up begins anew. Answers its conversation. Throws Refusal
 * 404, also where nothing is left to be fetched.
 */
export async function tryAgain(on: Resources, { org, id }: At): Promise<string> {
  const conversation = await on.db.withTenant(org, async (tx) => {
    const [found] = await rows<{ conversation_id: string; message_id: string }>(
      tx,
      `update media d set status = 'pending', due_at = :now, error = null,
              attempts = case when d.status = 'failed' then 0 else d.attempts end
         from messages m join conversations c on c.org_id = :org and c.id = m.conversation_id
        where d.org_id = :org and d.id = :id and d.status in ('pending', 'failed') and m.org_id = :org
          and m.id = d.message_id and not ${restrictedSql('c.org_id', 'c.contact_id')}
       returning m.conversation_id, d.message_id`,
      { org, id, now: on.now() },
    )
    if (!found) throw notFound('file')
    await appendFeed(tx, org, [{ kind: 'message.updated', ref: found.message_id }])
    return found.conversation_id
  })
  on.events.publish({ kind: 'feed', org })
  await on.queues.addMedia({ org, id })
  return conversation
}
