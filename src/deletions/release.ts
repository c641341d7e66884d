import { tokenFrom } from '../connections/secrets.ts'
import { rows } from '../db.ts'
import { openFor } from '../keys.ts'
import {
  askAbsence,
  endGrant,
  endSubscription,
  isPassing,
  type Account,
  type Grant,
} from '../meta/release.ts'
import type { Resources } from '../resources.ts'
import { DAY_MS } from '../privacy/limits.ts'
import { SealError } from '../vault.ts'
import type { Deletion } from './deletion.ts'
import type { Outcome } from './steps.ts'

/** Meta is away: the step is tried again while the deadline leaves room for it. */
export class NotReleased extends Error {}

/** In the last two days before the deadline nothing waits for others any more. */
const LAST_MS = 2 * DAY_MS

/** `account` is undefined where its token does not open: its key is gone, and so is what it could be used for. */
type Held = { id: string; waba: string; user: string | null; account: Account | undefined }
/** With a grantor only what hangs on their grant alone: an account that somebody else connected too stays. */
type Whose = { orgs: string[]; grantor?: string }

/**
 * End Meta's webhooks to us for every business account, ask whether they have ended, and take back what was granted: with the
 * tokens that are destroyed after it. What is kept of it are words of ours: `done`, `already_gone`, `unconfirmed(why)`.
 * Throws NotReleased while Meta may still confirm and the deadline leaves room for it.
 * Source: privacy policy §6, "WhatsApp configuration"; promise P41.
 */
export async function releaseNumbers(
  on: Resources,
  deletion: Deletion,
  { orgs, grantor }: Whose = { orgs: [deletion.subject_id] },
): Promise<Outcome> {
  const held: Held[] = []
  for (const org of orgs) held.push(...(await heldBy(on, org, grantor)))
  const notes: string[] = []
  // What was released before and comes from a restored backup has nothing to wait for.
  const isLate =
    deletion.first !== null || deletion.deadline_at.getTime() - on.now().getTime() < LAST_MS
  const accounts = [...new Map(held.map((one) => [one.waba, one])).values()]
  const ended = []
  for (const { account } of accounts) ended.push(await endAccount(on, account, notes))
  if (ended.some(isPassing) && !isLate) throw new NotReleased()
  // The grants go last: without them no token could end anything else.
  const taken = []
  for (const grant of grantsIn(held)) taken.push(await takeBack(on, grant, notes))
  if (taken.some(isPassing) && !isLate) throw new NotReleased()
  return { counts: { accounts: accounts.length }, notes }
}

/** Ends the webhooks of one account, and asks for proof where somebody is left to be asked. */
async function endAccount(
  on: Resources,
  account: Account | undefined,
  notes: string[],
): Promise<string> {
  const ended = account ? await endSubscription(on, account) : 'unconfirmed(unreadable)'
  notes.push(`subscribed_apps ${ended}`)
  if (account && ended === 'done') notes.push(`our_app ${await askAbsence(on, account)}`)
  return ended
}

async function takeBack(on: Resources, grant: Grant, notes: string[]): Promise<string | undefined> {
  const taken = await endGrant(on, grant)
  if (taken) notes.push(`permissions ${taken}`)
  return taken
}

/** Each person's once, with all that ends with it. */
function grantsIn(held: Held[]): Grant[] {
  const going = new Set(held.map(({ id }) => id))
  const grants = new Map<string, Grant>()
  for (const { user, account } of held)
    if (user !== null && account) grants.set(`${user} ${account.app}`, { user, account, going })
  return [...grants.values()]
}

type Row = {
  id: string
  waba_id: string
  access_token: string
  app_id: string | null
  granted_by: string | null
}

/** The oldest first, so that of several tokens for one account the newest is used. */
async function heldBy(on: Resources, org: string, grantor: string | null = null): Promise<Held[]> {
  return on.db.withTenant(org, async (tx) => {
    const found = await rows<Row>(
      tx,
      `select id, waba_id, access_token, app_id, granted_by from connections c
        where org_id = :org and access_token is not null
          and (:grantor::text is null or granted_by = :grantor and not exists (select from connections o
            where o.org_id = c.org_id and o.waba_id = c.waba_id and o.access_token is not null
              and o.granted_by is distinct from :grantor))
        order by id`,
      { org, grantor },
    )
    const held: Held[] = []
    for (const { id, waba_id: waba, access_token, app_id: app, granted_by: user } of found) {
      const place = { purpose: 'connections|access_token', org, row: id }
      const token = await openFor(on, tx, place, access_token).then(tokenFrom, (error: unknown) => {
        if (!(error instanceof SealError)) throw error
        return undefined
      })
      held.push({ id, waba, user, account: token && { org, waba, token, app } })
    }
    return held
  })
}
