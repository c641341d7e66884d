import { setTimeout as pause } from 'node:timers/promises'
import { rows } from '../db.ts'
import { digest } from '../ids.ts'
import { openFor, sealFor } from '../keys.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import type { Place } from '../vault.ts'

export type Answer = { status: number; text: string }
/** A write that its caller may repeat: `name` is the caller's word for it, `request` what was asked. */
export type Write = { org: string; key: string; name: string; request: Buffer }

type Row = { request_digest: Buffer; status: number | null; response: string | null }

/** An answer is kept this long; afterwards the name may be used for something else. */
const KEPT_HOURS = 24
/** Longer than any request lives: who claimed it before that is gone. */
const ABANDONED_SECONDS = 60
const WAIT_MS = 5_000
const LOOK_EVERY_MS = 50

/**
 * Run a write once per name, however often and however parallel it is asked: the others wait for the first
 * one's answer and get it again. Only answers of writes that happened are kept; a refusal frees the name.
 * Throws Refusal 422 when the name was used for another request, 409 when the first one still runs.
 */
export async function once(
  on: Resources,
  write: Write,
  run: () => Promise<Answer>,
): Promise<Answer & { isRepeat: boolean }> {
  const giveUpAt = performance.now() + WAIT_MS
  while (!(await claim(on, write))) {
    const kept = await keptAnswer(on, write)
    if (kept) return { ...kept, isRepeat: true }
    if (performance.now() > giveUpAt)
      throw new Refusal(409, 'in_progress', 'The first request with this key has not ended yet.')
    await pause(LOOK_EVERY_MS)
  }
  try {
    const answer = await run()
    await keep(on, write, answer)
    return { ...answer, isRepeat: false }
  } catch (error) {
    // A surprise may have come after the commit: its name stays taken until nobody can be at work any more.
    if (error instanceof Refusal) await release(on, write)
    throw error
  }
}

/** One insert decides who runs; it takes over what is outdated or was left behind by a process that died. */
async function claim(on: Resources, { org, key, name, request }: Write): Promise<boolean> {
  const taken = await on.db.withTenant(org, (tx) =>
    rows(
      tx,
      `insert into idempotency_keys as i (org_id, api_key_id, key, request_digest, created_at)
       values (:org, :key, :name, :request, :now)
       on conflict (org_id, api_key_id, key) do update
         set request_digest = excluded.request_digest, status = null, response = null, created_at = :now
       where i.created_at < cast(:now as timestamptz) - make_interval(hours => ${KEPT_HOURS})
          or (i.status is null and i.request_digest = excluded.request_digest
              and i.created_at < cast(:now as timestamptz) - make_interval(secs => ${ABANDONED_SECONDS}))
       returning i.key`,
      { org, key, name, request, now: on.now() },
    ),
  )
  return taken.length === 1
}

async function keptAnswer(on: Resources, write: Write): Promise<Answer | undefined> {
  const { org, key, name, request } = write
  return on.db.withTenant(org, async (tx) => {
    const [row] = await rows<Row>(
      tx,
      `select request_digest, status, response from idempotency_keys
        where org_id = ? and api_key_id = ? and key = ?`,
      [org, key, name],
    )
    if (row && !row.request_digest.equals(request))
      throw new Refusal(
        422,
        'idempotency_mismatch',
        'This Idempotency-Key was used for another request.',
        { 'Idempotency-Key': 'was used for another request' },
      )
    if (!row || row.status === null || row.response === null) return undefined
    const text = await openFor(on, tx, place(write), row.response)
    return { status: row.status, text: text.toString('utf8') }
  })
}

async function keep(on: Resources, write: Write, answer: Answer): Promise<void> {
  const { org, key, name } = write
  await on.db.withTenant(org, async (tx) => {
    const response = await sealFor(on, tx, place(write), answer.text)
    await tx.raw(
      `update idempotency_keys set status = ?, response = ? where org_id = ? and api_key_id = ? and key = ?`,
      [answer.status, response, org, key, name],
    )
  })
}

async function release(on: Resources, { org, key, name }: Write): Promise<void> {
  await on.db.withTenant(org, (tx) =>
    tx.raw(
      `delete from idempotency_keys where org_id = ? and api_key_id = ? and key = ? and status is null`,
      [org, key, name],
    ),
  )
}

/** What an answer is bound to: its key and name together, as they are its row's. */
export const answerRow = ({ key, name }: Pick<Write, 'key' | 'name'>): string =>
  digest(`${key}|${name}`).toString('hex')

const place = (write: Write): Place => ({
  org: write.org,
  purpose: 'idempotency_keys|response',
  row: answerRow(write),
})
