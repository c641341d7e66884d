import { rows, type Tx } from '../db.ts'

/** A column as the role of this transaction meets it; `key` is its place in the primary key, from 1. */
export type LiveColumn = {
  table: string
  column: string
  type: string
  readable: boolean
  key: number | null
}

/** One column of a foreign key besides `org_id`; `onDelete` is PostgreSQL's letter, `n` for "set null". */
export type LiveLink = {
  table: string
  column: string
  to: string
  target: string
  onDelete: string
}

export type Catalogue = {
  columns(table: string): LiveColumn[]
  links(table: string): LiveLink[]
  /** Rows of organizations whose id is unique across all of them. */
  hasGlobalId(table: string): boolean
}

/** What the database itself says of schema `app`, read with the rights of the door `tx` went through. */
export async function readCatalogue(tx: Tx): Promise<Catalogue> {
  const columns = await rows<LiveColumn>(tx, COLUMNS)
  const links = await rows<LiveLink>(tx, LINKS)
  const global = await rows<{ table: string }>(tx, GLOBAL_IDS)
  return {
    columns: (table) => columns.filter((column) => column.table === table),
    links: (table) => links.filter((link) => link.table === table),
    hasGlobalId: (table) => global.some((found) => found.table === table),
  }
}

const COLUMNS = `
  select c.relname as "table", a.attname as "column", format_type(a.atttypid, null) as type,
         has_column_privilege(c.oid, a.attnum, 'select') as readable,
         array_position(string_to_array(i.indkey::text, ' ')::int2[], a.attnum) as key
    from pg_class c join pg_attribute a on a.attrelid = c.oid
    left join pg_index i on i.indrelid = c.oid and i.indisprimary
   where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
   order by c.relname, a.attnum`

const LINKS = `
  select f.relname as "table", a.attname as "column", t.relname as "to", b.attname as target, k.confdeltype as "onDelete"
    from pg_constraint k join pg_class f on f.oid = k.conrelid join pg_class t on t.oid = k.confrelid
    cross join lateral unnest(k.conkey, k.confkey) as x (own, theirs)
    join pg_attribute a on a.attrelid = k.conrelid and a.attnum = x.own
    join pg_attribute b on b.attrelid = k.confrelid and b.attnum = x.theirs
   where k.contype = 'f' and f.relnamespace = 'app'::regnamespace and a.attname <> 'org_id'
   order by 1, 2`

const GLOBAL_IDS = `
  select c.relname as "table" from pg_index i join pg_class c on c.oid = i.indrelid
    join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
   where c.relnamespace = 'app'::regnamespace and i.indisunique and i.indnatts = 1 and a.attname = 'id'`
