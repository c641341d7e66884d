import pg from 'pg'
import { rows } from '../db.ts'
import { manifest } from '../privacy/manifest.ts'
import { rootsOf } from '../privacy/places.ts'
import type { Resources } from '../resources.ts'
import { open, SealError } from '../vault.ts'
import { searchFiles, type Hit } from './files.ts'
import { matcherOf } from './matcher.ts'
import type { Finding } from './search.ts'

const PAGE = 500

type Wish = {
  /** Look at names of files only: what is in them is sealed, and there may be much. */
  names?: boolean
  /** Folders that are looked at otherwise. */
  skip?: string[]
}
/** `unsearched`: places that this installation does not let us look into. */
export type Searched = { hits: Hit[]; unsearched: string[] }

/**
 * Look for values outside of the rows behind a door: in the store of the queues, in files and archives, in sealed mail and
 * in the planner's samples. Places belong to everybody, so a hit may be somebody else's: `values` says which were found.
 */
export async function searchStores(
  on: Resources,
  values: string[],
  { names = false, skip = [] }: Wish = {},
): Promise<Searched> {
  const matcher = matcherOf(values)
  const hits: Hit[] = []
  for await (const { place, bytes, idleS } of on.queues.contents()) {
    matcher.look(bytes)
    const found = matcher.found()
    if (found.length > 0) hits.push({ place: masked(place, values), values: found, age_s: idleS })
  }
  const now = on.now()
  const roots = Object.values(rootsOf(on))
  for (const root of roots) {
    const others = roots.filter((other) => other !== root)
    hits.push(...(await searchFiles(root, matcher, { now, names, skip: [...skip, ...others] })))
  }
  hits.push(...(await searchSealed(on, values)))
  const samples = await searchSamples(on, values)
  hits.push(...(samples ?? []))
  return { hits: distinct(hits), unsearched: samples ? [] : ['planner statistics'] }
}

/** One finding for each place, whichever part of it. */
function distinct(hits: Hit[]): Hit[] {
  const byPlace = new Map<string, Hit>()
  for (const hit of hits) {
    const known = byPlace.get(hit.place)
    const values = [...new Set([...(known?.values ?? []), ...hit.values])]
    byPlace.set(hit.place, { ...hit, values, age_s: known?.age_s ?? hit.age_s })
  }
  return [...byPlace.values()]
}

export const findingOf = ({ place, age_s }: Hit): Finding => ({ place, what: 'value', age_s })

/** The name of a key may itself hold what must not be said. */
function masked(place: string, values: string[]): string {
  const matcher = matcherOf(values)
  matcher.look(Buffer.from(place))
  return matcher.found().length > 0 ? `${place.split(':').slice(0, 2).join(':')}:…` : place
}

/** What is sealed under the installation's key is opened: mail holds addresses and words. */
async function searchSealed(on: Resources, values: string[]): Promise<Hit[]> {
  const matcher = matcherOf(values)
  const hits: Hit[] = []
  for (const { table, column } of sealedColumns()) {
    for await (const { id, sealed } of sealedIn(on, table, column)) {
      const place = { purpose: `${table}|${column}`, org: 'instance', row: id }
      matcher.look(opened(on, place, sealed))
      const own = matcher.found()
      if (own.length > 0) hits.push({ place: `${table}.${column}`, values: own, age_s: null })
    }
  }
  return hits
}

type Sealed = { id: string; sealed: string }

/** Page by page; nothing of a table that the system's door does not serve. */
async function* sealedIn(on: Resources, table: string, column: string): AsyncGenerator<Sealed> {
  for (let after = '00000000-0000-0000-0000-000000000000'; ;) {
    const page = await on.db
      .withSystem((tx) =>
        rows<Sealed>(
          tx,
          `select id, "${column}" as sealed from app."${table}" where "${column}" is not null and id > ?
            order by id limit ${PAGE}`,
          [after],
        ),
      )
      .catch((): Sealed[] => [])
    yield* page
    after = page.at(-1)?.id ?? after
    if (page.length < PAGE) return
  }
}

/** Without what a deletion keeps for itself until it is done. */
const sealedColumns = (): { table: string; column: string }[] =>
  manifest.tables.flatMap(({ table, columns }) =>
    Object.entries(columns).flatMap(([column, { sealed, erase }]) =>
      sealed === 'gcm_instance' && typeof erase !== 'object' ? [{ table, column }] : [],
    ),
  )

function opened(on: Resources, place: Parameters<typeof open>[1], sealed: string): Buffer {
  try {
    return open(on.vault.instance, place, sealed)
  } catch (error) {
    if (error instanceof SealError) return Buffer.alloc(0)
    throw error
  }
}

/** Samples of values that the planner keeps; undefined where the login may not see those of tables under row security. */
async function searchSamples(on: Resources, values: string[]): Promise<Hit[] | undefined> {
  const client = new pg.Client({
    connectionString: on.config.DATABASE_URL,
    application_name: 'chatflow',
  })
  await client.connect()
  try {
    const { rows: found } = await client.query<{ place: string; samples: string; power: boolean }>(
      `select format('%s.%s', tablename, attname) as place,
              concat_ws(E'\\n', most_common_vals::text, histogram_bounds::text, most_common_elems::text) as samples
         from pg_stats where schemaname in ('app', 'jobs')`,
    )
    const matcher = matcherOf(values)
    const hits = found.flatMap(({ place, samples }): Hit[] => {
      matcher.look(Buffer.from(samples))
      const own = matcher.found()
      return own.length > 0
        ? [{ place: `planner statistics ${place}`, values: own, age_s: null }]
        : []
    })
    const { rows: login } = await client.query<{ sees: boolean }>(
      `select rolsuper or rolbypassrls as sees from pg_roles where rolname = current_user`,
    )
    return login[0]?.sees ? hits : undefined
  } finally {
    await client.end()
  }
}
