import { tokenFrom } from '../connections/secrets.ts'
import { rows } from '../db.ts'
import { openFor } from '../keys.ts'
import type { Resources } from '../resources.ts'
import { DAY_MS } from '../privacy/limits.ts'
import type { Secret } from '../secret.ts'
import { SealError } from '../vault.ts'
import type { Deletion } from './deletion.ts'
import type { Outcome } from './steps.ts'

/** Meta is away: the step is tried again while the deadline leaves room for it. */
export class NotReleased extends Error {}

/** In the last two days before the deadline nothing waits for others any more. */
const LAST_MS = 2 * DAY_MS
const GONE = new Set([100, 190, 200, 803])

/** `token` is undefined where it does not open: its key is gone, and so is what it could be used for. */
type Account = { org: string; waba: string; token: Secret | undefined }
/** With a grantor only what hangs on their grant alone: an account that somebody else connected too stays. */
type Whose = { orgs: string[]; grantor?: string }

/**
 * End Meta's webhooks to us for every business account, with the token that is destroyed after it. A token Meta no
 * longer takes means that it is gone there already.
 * Source: WhatsApp Business Management API, DELETE /{waba-id}/subscribed_apps; privacy policy §6, "WhatsApp configuration".
 */
export async function releaseNumbers(
  on: Resources,
  deletion: Deletion,
  { orgs, grantor }: Whose = { orgs: [deletion.subject_id] },
): Promise<Outcome> {
  const notes: string[] = []
  const accounts: Account[] = []
  for (const org of orgs) accounts.push(...(await accountsOf(on, org, grantor)))
  for (const { org, waba, token } of accounts) {
    const result = token === undefined ? 'unreadable' : await unsubscribe(on, { org, waba, token })
    // What was released before and comes from a restored backup has nothing to wait for.
    const isLate =
      deletion.first !== null || deletion.deadline_at.getTime() - on.now().getTime() < LAST_MS
    if (result === 'unconfirmed' && !isLate) throw new NotReleased()
    notes.push(`subscribed_apps ${result}`)
  }
  return { counts: { accounts: notes.length }, notes }
}

async function accountsOf(
  on: Resources,
  org: string,
  grantor: string | null = null,
): Promise<Account[]> {
  return on.db.withTenant(org, async (tx) => {
    const found = await rows<{ id: string; waba_id: string; access_token: string }>(
      tx,
      `select distinct on (waba_id) id, waba_id, access_token from connections c
        where org_id = :org and access_token is not null
          and (:grantor::text is null or granted_by = :grantor and not exists (select from connections o
            where o.org_id = c.org_id and o.waba_id = c.waba_id and o.access_token is not null
              and o.granted_by is distinct from :grantor))
        order by waba_id, id desc`,
      { org, grantor },
    )
    const accounts: Account[] = []
    for (const { id, waba_id: waba, access_token } of found) {
      const place = { purpose: 'connections|access_token', org, row: id }
      const token = await openFor(on, tx, place, access_token).then(tokenFrom, (error: unknown) => {
        if (!(error instanceof SealError)) throw error
        return undefined
      })
      accounts.push({ org, waba, token })
    }
    return accounts
  })
}

/** One account by its token; `unconfirmed` when Meta did not say that it is done. */
export async function unsubscribe(
  on: Resources,
  { org, waba, token }: { org: string; waba: string; token: Secret },
): Promise<'done' | 'already_gone' | 'unconfirmed'> {
  const answer = await on.egress.graph({
    purpose: 'end_subscription',
    org,
    method: 'DELETE',
    path: `/${waba}/subscribed_apps`,
    token,
  })
  if (answer.outcome !== 'answered') return 'unconfirmed'
  if (answer.status < 300) return 'done'
  return GONE.has(codeIn(answer.body)) ? 'already_gone' : 'unconfirmed'
}

function codeIn(body: Buffer): number {
  try {
    const { error } = JSON.parse(body.toString('utf8')) as { error?: { code?: number } }
    return error?.code ?? 0
  } catch {
    return 0
  }
}
