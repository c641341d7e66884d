import { rows, type Tx } from '../db.ts'
import { digest, newCode } from '../ids.ts'

export type Purpose = 'reset' | 'verify_email'

const LIFE_MS: Record<Purpose, number> = { reset: 30 * 60_000, verify_email: 24 * 3_600_000 }

/** A new one-time token of 256 bits, of which only the digest is kept; earlier ones for the purpose are void. */
export async function issueToken(
  tx: Tx,
  { user, purpose, now }: { user: string; purpose: Purpose; now: Date },
): Promise<string> {
  const token = newCode()
  await rows(tx, `delete from password_resets where user_id = ? and purpose = ?`, [user, purpose])
  await rows(
    tx,
    `insert into password_resets (token_digest, user_id, purpose, expires_at, created_at) values (?, ?, ?, ?, ?)`,
    [digest(token), user, purpose, new Date(now.getTime() + LIFE_MS[purpose]), now],
  )
  return token
}

export type Holder = {
  user: string
  email: string
  passwordHash: string | null
  signup: { org?: string; organization?: string } | null
}

/** Whom a token that can still be used belongs to; reading does not use it up. */
export async function holderOf(
  tx: Tx,
  { token, purpose, now }: { token: string; purpose: Purpose; now: Date },
): Promise<Holder | undefined> {
  const [found] = await rows<Holder>(
    tx,
    `select u.id as "user", u.email, u.password_hash as "passwordHash", u.preferences -> 'signup' as signup
       from password_resets t join users u on u.id = t.user_id and u.disabled_at is null
      where t.token_digest = ? and t.purpose = ? and t.used_at is null and t.expires_at > ?`,
    [digest(token), purpose, now],
  )
  return found
}

/** Uses a token up: true for exactly one of several at once. */
export async function useToken(
  tx: Tx,
  { token, purpose, now }: { token: string; purpose: Purpose; now: Date },
): Promise<boolean> {
  const used = await rows(
    tx,
    `update password_resets set used_at = ?
      where token_digest = ? and purpose = ? and used_at is null and expires_at > ? returning user_id`,
    [now, digest(token), purpose, now],
  )
  return used.length === 1
}
