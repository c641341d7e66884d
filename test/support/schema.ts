import type pg from 'pg'

/** What the catalogue says of one column of schema `app`. */
export type LiveColumn = {
  table: string
  column: string
  type: string
  nullable: boolean
  /** A unique key of its own, or part of one. */
  unique: boolean
  /** A CHECK that lists the values it may have. */
  closed: boolean
  /** Its value is made by the database. */
  generated: boolean
}
export type ForeignKey = { from: string; to: string; columns: string[]; targets: string[] }

export async function columnsOf(db: pg.Client): Promise<LiveColumn[]> {
  const { rows } = await db.query<LiveColumn>(
    `select c.relname as "table", a.attname as "column", format_type(a.atttypid, null) as type,
            not a.attnotnull as nullable,
            exists (select from pg_index i where i.indrelid = c.oid and i.indisunique and a.attnum = any (i.indkey)) as "unique",
            exists (select from pg_constraint k where k.conrelid = c.oid and k.contype = 'c' and k.conkey = array[a.attnum]
                       and pg_get_constraintdef(k.oid) ~ '= ANY') as closed,
            a.attgenerated <> '' or a.attidentity <> '' as generated
       from pg_class c join pg_attribute a on a.attrelid = c.oid
      where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
      order by 1, a.attnum`,
  )
  return rows
}

export async function foreignKeysOf(db: pg.Client): Promise<ForeignKey[]> {
  const { rows } = await db.query<ForeignKey>(
    `select f.relname as "from", t.relname as "to",
            array(select a.attname::text from unnest(k.conkey) with ordinality x (n, i)
                    join pg_attribute a on a.attrelid = k.conrelid and a.attnum = x.n order by x.i) as columns,
            array(select a.attname::text from unnest(k.confkey) with ordinality x (n, i)
                    join pg_attribute a on a.attrelid = k.confrelid and a.attnum = x.n order by x.i) as targets
       from pg_constraint k join pg_class f on f.oid = k.conrelid join pg_class t on t.oid = k.confrelid
      where k.contype = 'f' and f.relnamespace = 'app'::regnamespace order by 1, 2`,
  )
  return rows
}
