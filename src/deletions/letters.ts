import { rows } from '../db.ts'
import { queueMail, ringMail } from '../ops/mail.ts'
import type { Resources } from '../resources.ts'
import type { Asked } from './request.ts'

/** Every owner may cancel, so every owner is told. Written while the addresses are still ours to use. */
export async function tellOwners(on: Resources, org: string, asked: Asked): Promise<void> {
  const owners = await on.db.withTenant(org, (tx) =>
    rows<{ id: string; email: string }>(
      tx,
      `select u.id, u.email from memberships m join users u on u.id = m.user_id where m.org_id = ? and m.role = 'owner'`,
      [org],
    ),
  )
  const status = `${on.config.APP_URL}/deletion/${asked.code}`
  const text = [
    'Your organization in ChatFlow CRM is going to be deleted, with everything in it.',
    `Until then nothing is sent and everything can be read, exported and cancelled: ${on.config.APP_URL}/settings/privacy/delete`,
    `It will be done by ${asked.deadline.toISOString().slice(0, 10)} at the latest. This page tells how far it is, also after your account is gone: ${status}`,
  ]
  const ids = await on.db.withSystem(async (tx) => {
    const kept = []
    for (const { id, email } of owners)
      kept.push(
        await queueMail(tx, on, {
          to: email,
          user: id,
          org,
          kind: 'deletion',
          subject: 'Your organization in ChatFlow is going to be deleted',
          text: `${text.join('\n\n')}\n`,
        }),
      )
    return kept
  })
  for (const id of ids) await ringMail(on, id)
}
