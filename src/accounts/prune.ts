import { rows } from '../db.ts'
import type { Resources } from '../resources.ts'
import { forgetAddresses } from './email-change.ts'

const DAY_MS = 86_400_000
/** A sign-up that nobody confirmed is forgotten, and with it the address. */
const BEGINNING_MS = 7 * DAY_MS

/**
 * Deletes what nobody can use any more: sessions, one-time tokens, counters of tries, sign-ups never confirmed.
 * Invitations lie in their organizations and go with the retention sweep.
 */
export async function pruneAccounts(on: Resources): Promise<void> {
  const now = on.now()
  await forgetAddresses(on)
  await on.db.withSystem(async (tx) => {
    await rows(tx, `delete from user_sessions where expire < ?`, [now])
    await rows(tx, `delete from password_resets where expires_at < ?`, [now])
    await rows(tx, `delete from throttles where expire < ?`, [Date.now()])
    await rows(
      tx,
      `delete from users u where u.preferences ->> 'signup' is not null and u.updated_at < ?
          and not exists (select from user_orgs(u.id))`,
      [new Date(now.getTime() - BEGINNING_MS)],
    )
  })
}
