import { accessTokenOf } from '../connections/connections.ts'
import { rows, type Tx } from '../db.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import type { Secret } from '../secret.ts'
import { SealError, type SealingKey } from '../vault.ts'
import type { MediaKind } from './kinds.ts'
import { newLocation, removeFile, type Spot } from './shelf.ts'

export type At = { org: string; id: string }

/** A file whose fetching this process has claimed. */
export type Claimed = Spot & {
  id: string
  message_id: string
  kind: MediaKind
  graph_id: string
  /** As WhatsApp declared it; null where it did not. */
  mime: string | null
  attempts: number
  /** When it was noted here, and when its message was written. */
  created_at: Date
  said_at: Date
  phone_number_id: string
  token: Secret
  key: SealingKey
}

/** Longer than a download may take; whoever dies meanwhile is followed by another. */
const LEASE_MS = 300_000
/** What is known of a claimed file before WhatsApp is asked; a `problem` where it cannot be asked at all. */
export type Claim =
  Claimed | (Pick<Claimed, 'org' | 'location' | 'attempts' | 'created_at'> & { problem: string })

/** Takes a file that is due for this process alone, and names the place where its bytes will lie; undefined when it is not due. */
export async function claim(on: Resources, { org, id }: At): Promise<Claim | undefined> {
  const location = newLocation(on.now())
  const found = await on.db.withTenant(org, async (tx) => {
    const [key] = await on.keys.of(tx, org)
    const sealing = { location, key: key?.id ?? null }
    const taken = await take(tx, { org, id, now: on.now(), ...sealing })
    if (!taken) return undefined
    const spot = { ...taken, org, location }
    const token = await tokenFor(on, tx, org, taken.connection_id)
    if (key && token !== undefined && taken.phone_number_id !== null)
      return { ...spot, phone_number_id: taken.phone_number_id, key, token }
    return { ...spot, problem: 'credentials' }
  })
  if (found?.left) await removeFile(on, { org, location: found.left })
  return found
}

type Taken = Omit<Claimed, 'org' | 'token' | 'key' | 'phone_number_id'> & {
  connection_id: string | null
  phone_number_id: string | null
  /** Where somebody who died began to write it. */
  left: string | null
}

async function take(
  tx: Tx,
  given: At & { location: string; key: string | null; now: Date },
): Promise<Taken | undefined> {
  const [taken] = await rows<Taken>(
    tx,
    `with due as materialized (
       select id, location from media where org_id = :org and id = :id and status in ('pending', 'fetching')
          and due_at <= :now and message_id is not null for update skip locked
     )
     update media d set status = 'fetching', attempts = d.attempts + 1, due_at = :lease, location = :location,
            key_id = :key
       from due join messages m on m.org_id = :org
      where d.org_id = :org and d.id = due.id and m.id = d.message_id
     returning d.id, d.message_id, d.connection_id, d.kind, d.graph_id, d.mime, d.attempts, d.location, d.created_at,
               m.created_at as said_at, due.location as left,
               (select k.phone_number_id from connections k where k.org_id = :org and k.id = d.connection_id) as phone_number_id`,
    { ...given, lease: new Date(given.now.getTime() + LEASE_MS) },
  )
  return taken
}

/** Undefined where the number is not connected any more, or its token does not open. */
async function tokenFor(
  on: Resources,
  tx: Tx,
  org: string,
  connection: string | null,
): Promise<Secret | undefined> {
  if (connection === null) return undefined
  try {
    return await accessTokenOf(on, tx, org, connection)
  } catch (error) {
    if (error instanceof SealError || error instanceof Refusal) return undefined
    throw error
  }
}
