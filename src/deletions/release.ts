import { tokenFrom } from '../connections/secrets.ts'
import { rows } from '../db.ts'
import { openFor } from '../keys.ts'
import { isGone, withdrawUploads, type Withdrawn } from '../media/withdrawal.ts'
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
import type { Outcome, Run } from './steps.ts'

/** Meta is away: the step is tried again while the deadline leaves room for it. */
export class NotReleased extends Error {}

/** In the last two days before the deadline nothing waits for others any more. */
const LAST_MS = 2 * DAY_MS

/** `account` is undefined where its token does not open: its key is gone, and so is what it could be used for. */
type Held = {
  id: string
  org: string
  waba: string
  user: string | null
  account: Account | undefined
}
/** With a grantor only what hangs on their grant alone: an account that somebody else connected too stays. */
type Whose = { orgs: string[]; grantor?: string }

/**
 * Delete at Meta what was uploaded there, end its webhooks to us for every business account, ask whether they have ended, and
 * take back what was granted: with the tokens that are destroyed after it. What is kept of it are words of ours: `done`,
 * `already_gone`, `unconfirmed(why)`, and of uploads how many.
 * Throws NotReleased while Meta may still confirm and the deadline leaves room for it.
 * Source: privacy policy §6, "WhatsApp configuration"; promise P41.
 */
export async function releaseNumbers(
  run: Run,
  { orgs, grantor }: Whose = { orgs: [run.deletion.subject_id] },
): Promise<Outcome> {
  const { on } = run
  const mayWait = hasTime(run)
  const held: Held[] = []
  for (const org of orgs) held.push(...(await heldBy(on, org, grantor)))
  const accounts = [...new Map(held.map((one) => [one.waba, one])).values()]
  const uploads = await endUploads(run, accounts)
  const notes = tallyOf(uploads)
  const ended: string[] = uploads.map(({ how }) => how)
  for (const { account } of accounts) ended.push(await endAccount(on, account, notes))
  if (ended.some(isPassing) && mayWait) throw new NotReleased()
  // The grants go last: without them no token could end anything else.
  const taken = []
  for (const grant of grantsIn(held)) taken.push(await takeBack(on, grant, notes))
  if (taken.some(isPassing) && mayWait) throw new NotReleased()
  const media = uploads.filter(isGone).length
  return { counts: { accounts: accounts.length, media }, notes }
}

/** What was released before and comes from a restored backup has nothing to wait for. */
const hasTime = ({ on, deletion: { first, deadline_at } }: Run): boolean =>
  first === null && deadline_at.getTime() - on.now().getTime() >= LAST_MS

/** How each upload ended. Which are gone is kept after each batch: a run that is cut off is gone on with. */
async function endUploads({ on, handles, keep, beat }: Run, held: Held[]): Promise<Withdrawn[]> {
  const before = handles.withdrawn ?? []
  const all = [...before]
  const but = before.map(({ id }) => id)
  for (const { org, waba, account } of held)
    for (let after: string | undefined = ''; after !== undefined;) {
      await beat('media')
      const { ended, next } = await withdrawUploads(on, { org, waba, account, but }, after)
      all.push(...ended)
      if (ended.some(isGone)) await keep({ ...handles, withdrawn: all.filter(isGone) })
      after = next
    }
  return all
}

/** How many ended in which way, such as `media done 12`. */
function tallyOf(uploads: Withdrawn[]): string[] {
  const ways = [...new Set(uploads.map(({ how }) => how))].toSorted()
  return ways.map((way) => `media ${way} ${uploads.filter(({ how }) => how === way).length}`)
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
      held.push({ id, org, waba, user, account: token && { org, waba, token, app } })
    }
    return held
  })
}
