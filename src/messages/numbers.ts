import { phoneMatch } from '../contacts/phone.ts'
import { rows, type Tx } from '../db.ts'
import type { Notice } from '../notices/notice.ts'
import type { Resources } from '../resources.ts'
import type { Storable } from './updates.ts'

/** Updates of one organization; `addressed` is the connection in the path each of them came by. */
export type Item = { update: Storable; addressed: string | null }

/** Whose an update is: a connection, or (of a notice) a whole business account. */
export type Place = { connection: string | null; waba: string | null }

export type Numbers = {
  /** The connection of this organization that an update is about, whichever path it came by. */
  of(item: Item): string | undefined
  /** Where a notice belongs, or undefined when it is another organization's. */
  noticed(item: Item, notice: Notice): Place | undefined
  /** Connections in use that were not noted for a while. */
  quiet: string[]
}

type Row = {
  id: string
  phone_number_id: string
  waba_id: string
  display_phone: string | null
  quiet: boolean
}

/** The connections that updates name, by number, by account and by the path they came by. */
export async function connectionsOf(
  on: Resources,
  tx: Tx,
  org: string,
  items: Item[],
): Promise<Numbers> {
  const notices = items.flatMap(({ update }) => (update.type === 'notice' ? [update.notice] : []))
  const found = await rows<Row>(
    tx,
    `select id, phone_number_id, waba_id, display_phone,
            coalesce((settings ->> 'webhook_at')::timestamptz, '-infinity') < now() - interval '10 seconds' as quiet
       from connections
      where org_id = :org and state <> 'removed'
        and (phone_number_id = any(:numbers) or id = any(:ids::uuid[]) or waba_id = any(:accounts))`,
    {
      org,
      numbers: [...new Set(items.flatMap(({ update }) => update.number ?? []))],
      ids: [...new Set(items.flatMap(({ addressed }) => addressed ?? []))],
      accounts: [...new Set(notices.flatMap(({ waba }) => waba ?? []))],
    },
  )
  const byNumber = new Map(found.map((row) => [row.phone_number_id, row.id]))
  const ids = new Set(found.map((row) => row.id))
  const of = ({ update, addressed }: Item): string | undefined => {
    if (update.number !== null) return byNumber.get(update.number)
    return addressed !== null && ids.has(addressed) ? addressed : undefined
  }
  const used = new Set(items.map((item) => of(item) ?? item.addressed))
  return {
    of,
    noticed: (item, notice) =>
      placeOf(on, found, {
        org,
        notice,
        connection: of(item),
        isNamed: item.update.number !== null,
      }),
    quiet: found.filter((row) => row.quiet && used.has(row.id)).map((row) => row.id),
  }
}

type Asked = { org: string; notice: Notice; connection: string | undefined; isNamed: boolean }

/**
 * A notice that names a number is that number's; one that shows the digits of a number is its; one about an account is
 * the account's. What names neither of ours stays with the connection it was sent to, unless it is another organization's.
 */
function placeOf(
  on: Resources,
  found: Row[],
  { org, notice, connection, isNamed }: Asked,
): Place | undefined {
  const { waba, phone } = notice
  const own: Place | undefined = connection === undefined ? undefined : { connection, waba: null }
  if (isNamed) return own
  const ofAccount = found.filter((row) => row.waba_id === waba)
  const shown = ofAccount.find((row) => isNumber(row, phone))
  if (shown) return { connection: shown.id, waba: null }
  if (ofAccount.length > 0) return { connection: null, waba }
  return isOthers(on, org, waba) ? undefined : own
}

function isOthers({ directory }: Resources, org: string, waba: string | null): boolean {
  const owner = directory.loaded() && waba !== null ? directory.byAccount(waba)?.org : undefined
  return owner !== undefined && owner !== org
}

const isNumber = ({ display_phone }: Row, phone: string | null): boolean =>
  phone !== null &&
  display_phone !== null &&
  phoneMatch(display_phone.replace(/\D/g, '')) === phoneMatch(phone)
