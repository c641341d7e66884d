import { rows, type Tx } from '../db.ts'
import { openPolicy } from './policy-versions.ts'

/** On which road somebody came past the policy. */
export type Road = 'sign_up' | 'invitation'

/**
 * Keeps that the policy in force at `at` was shown to a person who made an account (P2). It tells what they could
 * read, once for each version; it is no consent, and nothing rests on it as one. Needs `withSystem`.
 */
export async function recordShown(
  tx: Tx,
  { user, road, at }: { user: string; road: Road; at: Date },
): Promise<void> {
  await rows(
    tx,
    `insert into policy_acceptances (user_id, version, road, at) values (?, ?, ?, ?) on conflict do nothing`,
    [user, openPolicy().inForce(at).id, road, at],
  )
}
