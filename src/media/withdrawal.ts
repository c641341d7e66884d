import { rows } from '../db.ts'
import { endUpload, isPassing, type Account, type Ended } from '../meta/release.ts'
import { DAY_MS } from '../privacy/limits.ts'
import type { Resources } from '../resources.ts'

/** How it ended for one upload, by Meta's id. */
export type Withdrawn = { id: string; how: Ended }

/**
 * Uploads of one business account, or of one of its numbers, `but` for these ids; `account` is undefined where its token does
 * not open.
 */
export type Whose = {
  org: string
  waba: string
  connection?: string
  account: Account | undefined
  but?: string[]
}

/** Asked at once, and few: Meta limits calls by the hour. */
const BATCH = 10
/** For as long as Meta keeps an upload. Source: WhatsApp Cloud API, media. */
const LIFE_MS = 30 * DAY_MS

/**
 * Deletes at Meta the next few files that were uploaded to be sent and are still kept there, in the order of their ids. What is gone
 * is forgotten here at once, so that nothing is sent by an id that means nothing any more. `next` is where the following
 * batch begins, undefined at the end. When Meta limits the calls or answers none of them, nothing more is asked and all the
 * others end like that. Source: WhatsApp Cloud API, DELETE /{media-id}; promise P41.
 */
export async function withdrawUploads(
  on: Resources,
  whose: Whose,
  after = '',
): Promise<{ ended: Withdrawn[]; next: string | undefined }> {
  const { org, account } = whose
  const found = await idsAfter(on, whose, { after, most: BATCH + 1 })
  const ended = await Promise.all(
    found.slice(0, BATCH).map(async (id): Promise<Withdrawn> => {
      return { id, how: account ? await endUpload(on, account, id) : 'unconfirmed(unreadable)' }
    }),
  )
  await forget(on, org, ended.filter(isGone))
  const last = found.length > BATCH ? ended.at(-1) : undefined
  const why = ended.find(({ how }) => how === 'unconfirmed(limited)') ?? ended[0]
  const isOver = why?.how === 'unconfirmed(limited)' || ended.every(({ how }) => isPassing(how))
  if (!last || !why || !isOver) return { ended, next: last?.id }
  const others = await idsAfter(on, whose, { after: last.id, most: null })
  return { ended: [...ended, ...others.map((id) => ({ id, how: why.how }))], next: undefined }
}

/** It needs no asking again. */
export const isGone = ({ how }: Withdrawn): boolean => how === 'done' || how === 'already_gone'

/** One id may stand in many rows: a file that was sent often was uploaded once. */
async function idsAfter(
  on: Resources,
  { org, waba, connection, but = [] }: Whose,
  { after, most }: { after: string; most: number | null },
): Promise<string[]> {
  const since = new Date(on.now().getTime() - LIFE_MS)
  const found = await on.db.withTenant(org, (tx) =>
    rows<{ graph_id: string }>(
      tx,
      `select distinct d.graph_id from media d join connections c on c.org_id = :org and c.id = d.connection_id
        where d.org_id = :org and c.waba_id = :waba and (:connection::uuid is null or c.id = :connection)
          and d.graph_id > :after and d.uploaded_at > :since and d.graph_id <> all(:but) order by d.graph_id limit :most`,
      { org, waba, connection: connection ?? null, after, since, but, most },
    ),
  )
  return found.map(({ graph_id }) => graph_id)
}

/** Of an organization that is being purged nothing can be changed any more, and its rows go soon. */
const forget = (on: Resources, org: string, gone: Withdrawn[]): Promise<unknown> =>
  on.db.withTenant(org, (tx) =>
    rows(
      tx,
      `update media set graph_id = null, uploaded_at = null
        where org_id = ? and graph_id = any(?) and uploaded_at is not null
          and exists (select from organizations o where o.org_id = media.org_id and o.status <> 'purging')`,
      [org, gone.map(({ id }) => id)],
    ),
  )
