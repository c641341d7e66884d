import { OPERATOR } from '../../src/audit/audit.ts'
import { rows } from '../../src/db.ts'
import type { Kind } from '../../src/restrictions/gate.ts'
import {
  restrictContact,
  type Ground,
  type Restriction,
} from '../../src/restrictions/restrictions.ts'
import type { Running } from './app.ts'
import { arrive } from './inbound.ts'
import { messageOf, messagesBody } from './meta.ts'
import type { Org } from './org.ts'
import { openTalk, type Talk } from './talk.ts'

export type Case = { org: Org; talk: Talk; phone: string }
let numbers = 0

/** Somebody with a canary in everything that tells of them, and an open conversation with us. */
export async function somebodyIn(app: Running, given?: Org): Promise<Case> {
  const org = given ?? (await app.org())
  numbers += 1
  const phone = `1555777${String(numbers).padStart(4, '0')}`
  const talk = await openTalk(app.on, org, { phone, userId: `US.CANARYID${numbers}` })
  await app.on.db.withTenant(org.id, async (tx) => {
    await rows(
      tx,
      `update contacts set name = 'Canaryname', search_name = 'canaryname', profile_name = 'Canaryprofile',
              email = 'canary@example.test', attributes = '{"plan":"canaryplan"}' where org_id = ? and id = ?`,
      [org.id, talk.contact],
    )
    await rows(
      tx,
      `update conversations set last_message_at = now() - interval '1 hour' where org_id = ? and id = ?`,
      [org.id, talk.id],
    )
  })
  return { org, talk, phone }
}

export const restrictSomebody = (
  app: Running,
  { org, talk }: Case,
  kind: Kind = 'restricted',
  ground: Ground = 'wish',
): Promise<Restriction> =>
  restrictContact(app.on, org.id, {
    contact: talk.contact,
    kind,
    ground,
    road: 'operator',
    by: OPERATOR,
  })

/** A message of theirs, under another name than we know. */
export const theyWrite = (app: Running, { org, phone }: Case, text: string): Promise<void> =>
  arrive(
    app.on,
    org,
    messagesBody(org.connection, { phone, name: 'Canarynewname' }, messageOf({ phone }, text)),
  )
