import { refuseErasing } from '../contacts/erasing.ts'
import { rows, type Tx } from '../db.ts'
import { Refusal } from '../refusal.ts'

/** What a contact may have asked for. Source: GDPR Art. 18 (restriction), 21 and 22 (objection). */
export const KINDS = [
  'restricted',
  'no_marketing',
  'no_personalisation',
  'no_usage',
  'no_automation',
] as const
export type Kind = (typeof KINDS)[number]

/**
 * Everything that can be done with a contact's data besides keeping them. Whatever is added to the product asks for one
 * of these: `show` (more than that there is somebody), `search`, `change`, `route` (assign, reopen, resolve), `reply` (by
 * a person), `automate` (sent or decided by a program), `market`, `personalise`, `count` (reports), `hand_over` (exports of
 * more than this contact, and to programs).
 */
export type Operation =
  | 'show'
  | 'search'
  | 'change'
  | 'route'
  | 'reply'
  | 'automate'
  | 'market'
  | 'personalise'
  | 'count'
  | 'hand_over'

/** Which operations each kind forbids: the one table every check reads. Source: privacy promise P50. */
export const STOPS: Readonly<Record<Kind, ReadonlySet<Operation>>> = {
  restricted: new Set([
    'show',
    'search',
    'change',
    'route',
    'reply',
    'automate',
    'market',
    'personalise',
    'count',
    'hand_over',
  ]),
  no_marketing: new Set(['market']),
  no_personalisation: new Set(['personalise']),
  no_usage: new Set(['count']),
  no_automation: new Set(['automate']),
}

type Told = { code: string; sentence: string }
const TOLD: Readonly<Record<Kind, Told>> = {
  restricted: {
    code: 'contact_restricted',
    sentence:
      'The data of this contact are restricted at their request: kept, and nothing else. An admin can say more.',
  },
  no_marketing: { code: 'no_marketing', sentence: 'This contact objected to marketing.' },
  no_personalisation: {
    code: 'no_personalisation',
    sentence: 'This contact objected to being treated by their profile.',
  },
  no_usage: { code: 'no_usage', sentence: 'This contact objected to being counted.' },
  no_automation: {
    code: 'no_automation',
    sentence: 'This contact wants people to handle what they write, so programs do not write back.',
  },
}

/** The kind that forbids the operation, the widest first; undefined when nothing does. */
export const stopIn = (kinds: readonly Kind[], operation: Operation): Kind | undefined =>
  KINDS.find((kind) => kinds.includes(kind) && STOPS[kind].has(operation))

/** The word under which a message is kept that was not sent because of this kind, and refusals of programs. */
export const codeOf = (kind: Kind): string => TOLD[kind].code

/** What a contact has in force now: what they told us, and that they told WhatsApp to stop marketing. */
export async function kindsOf(tx: Tx, org: string, contact: string): Promise<Kind[]> {
  const found = await rows<{ kind: Kind }>(
    tx,
    `select kind from restrictions where org_id = :org and contact_id = :contact and lifted_at is null
     union select 'no_marketing' from contact_preferences
            where org_id = :org and contact_id = :contact and category = 'marketing_messages' and value = 'stop'`,
    { org, contact },
  )
  return found.map(({ kind }) => kind)
}

/**
 * Throws Refusal 422 with the code of the kind that forbids this, `contact_restricted` or one of the objections, and 409
 * `being_erased` when there is soon nothing to do it with.
 */
export async function refuseStopped(
  tx: Tx,
  org: string,
  contact: string,
  operation: Operation,
): Promise<void> {
  await refuseErasing(tx, org, contact)
  const stop = stopIn(await kindsOf(tx, org, contact), operation)
  if (stop) throw new Refusal(422, TOLD[stop].code, TOLD[stop].sentence)
}

/** SQL that is true while the data of a contact are restricted, over two expressions of the statement it stands in. */
export const restrictedSql = (org: string, contact: string): string =>
  `exists (select from restrictions x where x.org_id = ${org} and x.contact_id = ${contact}
             and x.kind = 'restricted' and x.lifted_at is null)`

/** SQL for all restricted contacts of `:org`, or those who need their data for a claim. */
export const restrictedIdsSql = (org: string, { forClaim = false } = {}): string =>
  `select x.contact_id from restrictions x where x.org_id = ${org} and x.kind = 'restricted'
      and x.lifted_at is null${forClaim ? ` and x.ground = 'claim'` : ''}`

/** What stands in place of a name. */
export const STUB_NAME = 'Restricted contact'
