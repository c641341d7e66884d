import { auditPerson, byPerson, OPERATOR, type AuditActor, type Source } from '../audit/audit.ts'
import { rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'
import { queueMail, ringMail } from '../ops/mail.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { openFactor, sealFactor } from './factor-seal.ts'
import { normalEmail } from './fields.ts'
import { factorMail, type FactorNews } from './letters.ts'
import { countRecoveryCodes, renewRecoveryCodes, useRecoveryCode } from './recovery-codes.ts'
import { endSessions } from './sessions.ts'
import { base32, newTotpSecret, stepOfCode, totpAddress } from './totp.ts'

type Person = { user: string; email: string; session: string; source?: Source }
type Row = { id: string; secret: string }

/** What the security page tells of a person's second factor. */
export type FactorState = { since: Date | undefined; codesLeft: number }

export async function readFactor(on: Resources, user: string): Promise<FactorState> {
  return on.db.withSystem(async (tx) => {
    const [found] = await rows<{ since: Date }>(
      tx,
      `select confirmed_at as since from second_factors where user_id = ? and confirmed_at is not null`,
      [user],
    )
    return { since: found?.since, codesLeft: found ? await countRecoveryCodes(tx, user) : 0 }
  })
}

/** Whether a sign-in of this person needs a code. */
export async function hasFactor(on: Resources, user: string): Promise<boolean> {
  return (await readFactor(on, user)).since !== undefined
}

/** Begins to set a factor up: a new secret, which counts for nothing before a code of it was entered. */
export async function beginFactor(on: Resources, user: string): Promise<void> {
  const id = newId()
  const secret = sealFactor(on, id, newTotpSecret())
  await on.db.withSystem(async (tx) => {
    await rows(tx, `delete from second_factors where user_id = ? and confirmed_at is null`, [user])
    await rows(
      tx,
      `insert into second_factors (id, user_id, kind, secret, created_at) values (?, ?, 'totp', ?, ?)`,
      [id, user, secret, on.now()],
    )
  })
}

/** The secret that waits for its first code, as text and as the address an app scans; undefined when none does. */
export async function readBegun(
  on: Resources,
  { user, email }: { user: string; email: string },
): Promise<{ text: string; address: string } | undefined> {
  const [begun] = await on.db.withSystem((tx) => begunOf(tx, user))
  if (!begun) return undefined
  const secret = openFactor(on, begun.id, begun.secret)
  const issuer = `ChatFlow ${new URL(on.config.APP_URL).hostname}`
  return { text: base32(secret), address: totpAddress(secret, { issuer, account: email }) }
}

const begunOf = (tx: Tx, user: string): Promise<Row[]> =>
  rows<Row>(
    tx,
    `select id, secret from second_factors where user_id = ? and confirmed_at is null for update`,
    [user],
  )

/**
 * Turns the factor on with a code of the app, and answers the recovery codes, which nobody sees again. It takes the
 * place of an earlier one; other sign-ins of the person end. Throws Refusal 422 for a wrong code, 404 when none was begun.
 */
export async function confirmFactor(on: Resources, who: Person, code: string): Promise<string[]> {
  const done = await on.db.withSystem(async (tx) => {
    const [begun] = await begunOf(tx, who.user)
    if (!begun) throw notFound('set-up')
    const step = stepOfCode(openFactor(on, begun.id, begun.secret), digitsOf(code), on.now())
    if (step === undefined) throw wrongCode()
    await rows(tx, `delete from second_factors where user_id = ? and id <> ?`, [who.user, begun.id])
    await rows(tx, `update second_factors set confirmed_at = ?, last_step = ? where id = ?`, [
      on.now(),
      step,
      begun.id,
    ])
    const codes = await renewRecoveryCodes(tx, who.user)
    return { codes, mail: await tell(on, tx, { ...who, by: byPerson(who) }, 'factor.on') }
  })
  await ringMail(on, done.mail)
  await endSessions(on, who.user, { except: who.session })
  return done.codes
}

/** New recovery codes, shown once; the earlier ones are void. Throws Refusal 404 without a factor. */
export async function renewCodes(on: Resources, who: Person): Promise<string[]> {
  if (!(await hasFactor(on, who.user))) throw notFound('second factor')
  const done = await on.db.withSystem(async (tx) => {
    const codes = await renewRecoveryCodes(tx, who.user)
    return {
      codes,
      mail: await tell(on, tx, { ...who, by: byPerson(who) }, 'factor.codes_renewed'),
    }
  })
  await ringMail(on, done.mail)
  return done.codes
}

/** Turns the factor off and forgets its secret and codes; other sign-ins of the person end. Nothing happens without one. */
export async function removeFactor(
  on: Resources,
  who: { user: string; email: string; session?: string; by: AuditActor },
): Promise<boolean> {
  const mail = await on.db.withSystem(async (tx) => {
    const gone = await rows(
      tx,
      `delete from second_factors where user_id = ? and confirmed_at is not null returning id`,
      [who.user],
    )
    await rows(tx, `delete from recovery_codes where user_id = ?`, [who.user])
    if (gone.length === 0) return undefined
    return tell(on, tx, who, who.by.kind === 'operator' ? 'factor.reset' : 'factor.off')
  })
  if (mail === undefined) return false
  await ringMail(on, mail)
  await endSessions(on, who.user, { except: who.session ?? '' })
  return true
}

/** For operators, when somebody lost phone and codes: true when there was a factor. Throws Refusal 404 for nobody's address. */
export async function resetFactor(on: Resources, address: string): Promise<boolean> {
  const email = normalEmail(address)
  const [found] = await on.db.withSystem((tx) =>
    rows<{ id: string }>(tx, `select id from users where email = ?`, [email]),
  )
  if (!found) throw notFound('account')
  return removeFactor(on, { user: found.id, email, by: OPERATOR })
}

/**
 * Whether this is a code of the person's app, or one of their recovery codes; each is good for one use, also when two
 * requests bring it at once. Source: RFC 6238 §5.2.
 */
export async function takeCode(
  on: Resources,
  who: { user: string; source?: Source },
  code: string,
): Promise<boolean> {
  const now = on.now()
  const taken = await on.db.withSystem(async (tx) => {
    const [factor] = await rows<Row>(
      tx,
      `select id, secret from second_factors where user_id = ? and confirmed_at is not null`,
      [who.user],
    )
    if (!factor) return { fits: false }
    const step = stepOfCode(openFactor(on, factor.id, factor.secret), digitsOf(code), now)
    if (step !== undefined) return { fits: await useStep(tx, factor.id, step) }
    if (!(await useRecoveryCode(tx, { user: who.user, code, now }))) return { fits: false }
    const email = await emailOf(tx, who.user)
    const by = byPerson(who)
    return {
      fits: true,
      mail: await tell(on, tx, { user: who.user, email, by }, 'factor.recovery_used'),
    }
  })
  if (taken.mail !== undefined) await ringMail(on, taken.mail)
  return taken.fits
}

async function useStep(tx: Tx, id: string, step: number): Promise<boolean> {
  const used = await rows(
    tx,
    `update second_factors set last_step = ? where id = ? and last_step < ? returning id`,
    [step, id, step],
  )
  return used.length === 1
}

async function emailOf(tx: Tx, user: string): Promise<string> {
  const [found] = await rows<{ email: string }>(tx, `select email from users where id = ?`, [user])
  return found?.email ?? ''
}

async function tell(
  on: Resources,
  tx: Tx,
  who: { user: string; email: string; by: AuditActor },
  action: FactorNews,
): Promise<string> {
  const mail = await queueMail(tx, on, factorMail(on, who, action))
  await auditPerson(tx, who.user, {
    actor: who.by,
    action,
    target: { kind: 'user', id: who.user },
  })
  return mail
}

const digitsOf = (code: string): string => code.replaceAll(/\s/g, '')

export function wrongCode(): Refusal {
  const detail =
    'This code does not fit. Each works once and for about half a minute: take the next one.'
  return new Refusal(422, 'wrong_code', detail, { code: detail })
}
