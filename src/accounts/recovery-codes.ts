import { randomBytes } from 'node:crypto'
import { rows, type Tx } from '../db.ts'
import { digest } from '../ids.ts'
import { base32 } from './totp.ts'

const HOW_MANY = 10
/** 128 bits: enough that a plain digest of it cannot be searched through. */
const CODE_BYTES = 16

/** Ten new codes for a person, the only time anybody sees them; earlier ones are void. */
export async function renewRecoveryCodes(tx: Tx, user: string): Promise<string[]> {
  await rows(tx, `delete from recovery_codes where user_id = ?`, [user])
  const codes = Array.from({ length: HOW_MANY }, () => base32(randomBytes(CODE_BYTES)))
  for (const code of codes)
    await rows(tx, `insert into recovery_codes (user_id, code_digest) values (?, ?)`, [
      user,
      digest(code),
    ])
  return codes.map(grouped)
}

/** Uses a code up: true for exactly one of several at once. Case, spaces and dashes do not matter. */
export async function useRecoveryCode(
  tx: Tx,
  { user, code, now }: { user: string; code: string; now: Date },
): Promise<boolean> {
  const plain = code.toUpperCase().replaceAll(/[^A-Z2-7]/g, '')
  const used = await rows(
    tx,
    `update recovery_codes set used_at = ? where user_id = ? and code_digest = ? and used_at is null returning user_id`,
    [now, user, digest(plain)],
  )
  return used.length === 1
}

/** How many of a person's codes can still be used. */
export async function countRecoveryCodes(tx: Tx, user: string): Promise<number> {
  const [found] = await rows<{ n: number }>(
    tx,
    `select count(*)::int as n from recovery_codes where user_id = ? and used_at is null`,
    [user],
  )
  return found?.n ?? 0
}

const grouped = (code: string): string => code.match(/.{1,5}/g)?.join('-') ?? code
