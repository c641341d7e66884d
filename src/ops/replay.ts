import type { AuditActor } from '../audit/audit.ts'
import { rows } from '../db.ts'
import type { InboundBody } from '../queues.ts'
import type { Resources } from '../resources.ts'
import { jsonObject } from '../webhooks/body.ts'
import { sealTogether } from '../webhooks/sealing.ts'
import { splitShared } from '../webhooks/split.ts'
import { findDeadLetter, openDeadLetter, tellOfLetter, type DeadLetter } from './dead-letters.ts'

/**
 * Send a letter through the queue again; storing it twice changes nothing, and what fails again is a letter again.
 * A body that belonged to nobody is divided anew among the connections known now. Told in the audit log when
 * somebody asked for it. Throws Refusal 404.
 */
export async function replayDeadLetter(on: Resources, id: string, by?: AuditActor): Promise<void> {
  const { body, ...letter } = await on.db.withSystem((tx) => findDeadLetter(tx, id))
  const at = letter.first_seen_at.getTime()
  const bodies =
    letter.org_id === null
      ? await divided(on, letter, body)
      : [{ org: letter.org_id, connection: letter.connection_id, at, sealed: body }]
  await on.queues.addInbound(bodies)
  // A worker may have failed on it already and counted it: then the row is the new letter.
  await on.db.withSystem(async (tx) => {
    await rows(
      tx,
      `delete from dead_letters where id = ? and date_trunc('milliseconds', last_seen_at) = ?`,
      [id, letter.last_seen_at],
    )
    if (by) await tellOfLetter(tx, letter, { actor: by, action: 'dead_letter.replayed' })
  })
}

export type Connected = {
  org: string
  phoneNumberId: string
  /** Meta has confirmed that the number is this organization's. */
  isProven: boolean
}

/**
 * Replay what was kept for a number that is connected now; returns how many letters. What was addressed to the
 * organization is its own; what came by the shared callback for nobody goes to it once the number is proven.
 */
export async function replayNumber(
  on: Resources,
  { org, phoneNumberId, isProven }: Connected,
): Promise<number> {
  const mayHaveNobodys = isProven && on.directory.byNumber(phoneNumberId)?.org === org
  const waiting = await on.db.withSystem((tx) =>
    rows<{ id: string }>(
      tx,
      `select id from dead_letters where reason = 'unknown_number' and phone_number_id = ?
          and (org_id = ? or (? and org_id is null)) order by first_seen_at, id`,
      [phoneNumberId, org, mayHaveNobodys],
    ),
  )
  for (const { id } of waiting) await replayDeadLetter(on, id)
  return waiting.length
}

async function divided(on: Resources, letter: DeadLetter, body: string): Promise<InboundBody[]> {
  const bytes = await openDeadLetter(on, letter, body)
  const content = jsonObject(bytes)
  if (!content) return []
  const at = letter.first_seen_at.getTime()
  const { bodies, refused } = sealTogether(splitShared(on, { bytes, content, at }))
  for (const error of refused.values()) throw error
  return bodies
}
