/** Whom and which time an authority asks about: one contact, and no more than is asked for. */
export type Scope = { contact: string; from: string; until: string }

/**
 * What an authority may get at all, and so what an order can make us keep: these tables, of one contact, and of what was
 * said only what lies in the time asked about. The value is the column that dates a row, null where none does.
 */
export const SCOPE: Readonly<Record<string, string | null>> = {
  contacts: null,
  contact_identities: null,
  conversations: null,
  messages: 'created_at',
  withheld_messages: 'at',
}

const HOLDS = 'from legal_holds h where h.released_at is null and h.org_id ='
const within = (at: string): string =>
  `${at} >= coalesce(h.from_at, '-infinity') and ${at} < coalesce(h.until_at, 'infinity')`
const TALKS = 'from conversations hc where hc.org_id = h.org_id and hc.contact_id = h.contact_id'

const ofContact =
  (column: string) =>
  (row: string): string =>
    `exists (select ${HOLDS} ${row}.org_id and h.contact_id = ${row}.${column})`
const message = (row: string): string =>
  `exists (select ${HOLDS} ${row}.org_id and ${within(`${row}.created_at`)}
     and exists (select ${TALKS} and hc.id = ${row}.conversation_id))`
const file = (row: string): string =>
  `exists (select from messages fm where fm.org_id = ${row}.org_id and fm.id = ${row}.message_id and ${message('fm')})`
const withheld = (row: string): string =>
  `exists (select ${HOLDS} ${row}.org_id and h.contact_id = ${row}.contact_id and ${within(`${row}.at`)})`

/**
 * Which rows of each table a hold keeps that is in force: those of the scope, and under them what they cannot be without.
 * A key stays when a value of theirs names it, and a number when they point to it. Source: privacy promise P36.
 */
const KEPT: Readonly<Record<string, (row: string) => string>> = {
  contacts: ofContact('id'),
  contact_identities: ofContact('contact_id'),
  conversations: ofContact('contact_id'),
  messages: message,
  withheld_messages: withheld,
  media: file,
  connections: (row) => `(exists (select ${HOLDS} ${row}.org_id and exists (
      select ${TALKS} and hc.connection_id = ${row}.id))
    or exists (select from withheld_messages w where w.org_id = ${row}.org_id and w.connection_id = ${row}.id
                  and ${withheld('w')}))`,
  org_keys: (row) => `(exists (select from messages m where m.org_id = ${row}.org_id
                                  and split_part(m.raw, '.', 2) = ${row}.kid and ${message('m')})
    or exists (select from withheld_messages w where w.org_id = ${row}.org_id
                  and split_part(w.body, '.', 2) = ${row}.kid and ${withheld('w')})
    or exists (select from media d where d.org_id = ${row}.org_id
                  and ${row}.kid in (d.key_id, split_part(d.name, '.', 2)) and ${file('d')}))`,
  // A contact that was to go from an organization that stays is shown to nobody there meanwhile.
  restrictions: (row) => `(${row}.kind = 'restricted' and ${row}.lifted_at is null and exists (
      select from organizations o where o.org_id = ${row}.org_id and o.status <> 'purging')
    and ${ofContact('contact_id')(row)})`,
  organizations: (row) => `exists (select ${HOLDS} ${row}.org_id)`,
  legal_holds: (row) => `${row}.released_at is null`,
}

/** SQL that is true of a row that a hold keeps, undefined where none keeps any; `row` names the row's table. */
export const keptSql = (table: string, row = `"${table}"`): string | undefined => KEPT[table]?.(row)

/** What may go: to be put behind another condition on the same table. */
export function butKept(table: string, row?: string): string {
  const kept = keptSql(table, row)
  return kept ? `and not (${kept})` : ''
}
