import { rows, type Tx } from '../db.ts'
import { openPolicy } from './policy-versions.ts'

/** On which road somebody came past a version of the policy. */
export type Road = 'sign_up' | 'invitation' | 'mail' | 'banner'

type Shown = { user: string; version: string; at: Date }

/**
 * Keeps that the policy in force at `at` was shown to a person who made an account (P2). It tells what they could
 * read, once for each version and road; it is no consent, and nothing rests on it as one. Needs `withSystem`.
 */
export const recordShown = (
  tx: Tx,
  { user, road, at }: { user: string; road: 'sign_up' | 'invitation'; at: Date },
): Promise<void> => record(tx, { user, version: openPolicy().inForce(at).id, at }, road)

/** Keeps that a letter about a coming version was written to a person. */
export const recordTold = (tx: Tx, shown: Shown): Promise<void> => record(tx, shown, 'mail')

/** Keeps that the banner about a coming version stood above a page of a person. */
export const recordBanner = (tx: Tx, shown: Shown): Promise<void> => record(tx, shown, 'banner')

async function record(tx: Tx, { user, version, at }: Shown, road: Road): Promise<void> {
  await rows(
    tx,
    `insert into policy_acceptances (user_id, version, road, at) values (?, ?, ?, ?) on conflict do nothing`,
    [user, version, road, at],
  )
}
