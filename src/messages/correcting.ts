import { audit, type AuditActor } from '../audit/audit.ts'
import { rows } from '../db.ts'
import { appendFeed } from '../feed/feed.ts'
import { newId } from '../ids.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'

/**
 * Note what is right instead of what a message says. The words stay as they were said; the note stands beside them in the
 * thread, in answers and in exports. Throws Refusal 404. Source: privacy promise P48.
 */
export async function noteCorrection(
  on: Resources,
  org: string,
  {
    message,
    text,
    by,
    request,
  }: { message: string; text: string; by: AuditActor; request?: string },
): Promise<void> {
  await on.db.withTenant(org, async (tx) => {
    const known = await rows(tx, 'select 1 from messages where org_id = ? and id = ?', [
      org,
      message,
    ])
    if (known.length === 0) throw notFound('message')
    await rows(
      tx,
      `insert into message_corrections (org_id, id, message_id, text, noted_by, request_id, at) values (?, ?, ?, ?, ?, ?, ?)`,
      [
        org,
        newId(),
        message,
        text,
        by.kind === 'user' ? (by.id ?? null) : null,
        request ?? null,
        on.now(),
      ],
    )
    await audit(tx, org, {
      actor: by,
      action: 'message.corrected',
      target: { kind: 'message', id: message },
    })
    await appendFeed(tx, org, [{ kind: 'message.updated', ref: message }])
  })
  on.events.publish({ kind: 'feed', org })
}
