import type pg from 'pg'
import type { Log } from './log.ts'
import type { Uses } from './vault.ts'

/** Whose key: null for a key of the installation. */
export type KeyName = { org: string | null; kid: string }
/** How often a key may seal, and how many uses a process sets aside at once. */
export type SealLimits = { most: number; block: number }

/**
 * Random nonces of 96 bits bound a key to 2^32 uses (NIST SP 800-38D §8.3); sixteen times fewer leave room for what
 * nobody counted. A crash loses at most the block it had set aside. Source: promise P26.
 */
export const SEAL_LIMITS: SealLimits = { most: 2 ** 28, block: 4_096 }
/** From here on a new key is made, before the old one is used up. */
export const DUE_SHARE = 0.75

export type Meter = {
  limits: SealLimits
  usesOf(name: KeyName): Uses
  /** Sets uses aside for the keys that are short of them, in one statement each. Rejects when the database is away. */
  provide(names: KeyName[]): Promise<void>
}

type Purse = KeyName & { left: number; block: number; at: number; asked: Promise<void> | undefined }

/** Who is back for more within a minute gets twice as much, so that a busy key outlives a database that is away. */
const BUSY_MS = 60_000
const GROWN = 16

/**
 * Counts how often keys seal, in all processes together: what is not set aside in the database first is not used.
 * `limits` are those of data keys; the keys of the installation keep to the usual ones.
 */
export function openMeter(pool: pg.Pool, log: Log, limits: SealLimits = SEAL_LIMITS): Meter {
  const purses = new Map<string, Purse>()
  const purseOf = (name: KeyName): Purse => {
    const text = `${name.org ?? ''}|${name.kid}`
    const purse = purses.get(text) ?? newPurse(name, limitsOf(name))
    purses.set(text, purse)
    return purse
  }
  const limitsOf = ({ org }: KeyName): SealLimits => (org === null ? SEAL_LIMITS : limits)
  const fill = async (list: Purse[]): Promise<void> => {
    for (const purse of list) grow(purse, limitsOf(purse))
    for (const { org, kid, block, seals } of await reserve(pool, list, limitsOf)) {
      purseOf({ org, kid }).left += block
      const share = seals / limitsOf({ org, kid }).most
      if (share >= DUE_SHARE) log.warn({ org, key: kid, share }, 'a key is near its limit')
    }
  }
  const more = (purse: Purse): Promise<void> => {
    purse.asked ??= fill([purse]).finally(() => {
      purse.asked = undefined
    })
    return purse.asked
  }
  const quietly = (purse: Purse): void =>
    void more(purse).catch((error: unknown) => log.warn({ err: error }, 'no uses set aside'))
  return {
    limits,
    usesOf: (name) => usesOf(purseOf(name), { more, quietly }),
    async provide(names) {
      const short = names.map(purseOf).filter((purse) => isLow(purse) && !purse.asked)
      if (short.length > 0) await fill([...new Set(short)])
    },
  }
}

type Ways = { more(purse: Purse): Promise<void>; quietly(purse: Purse): void }

/** More is asked for while half is left, so that nobody has to wait for it. */
const usesOf = (purse: Purse, { more, quietly }: Ways): Uses => ({
  spend() {
    const isThere = purse.left > 0
    if (isThere) purse.left -= 1
    if (isLow(purse) && !purse.asked) quietly(purse)
    return isThere
  },
  async more(need = 1) {
    for (let before = -1; purse.left < need && purse.left > before;) {
      before = purse.left
      await more(purse)
    }
    return purse.left >= need
  },
})

const isLow = ({ left, block }: Purse): boolean => left < block / 2

const newPurse = ({ org, kid }: KeyName, { block }: SealLimits): Purse => ({
  org,
  kid,
  left: 0,
  block,
  at: Number.NEGATIVE_INFINITY,
  asked: undefined,
})

function grow(purse: Purse, { block }: SealLimits): void {
  const now = performance.now()
  purse.block = now - purse.at < BUSY_MS ? Math.min(purse.block * 2, block * GROWN) : block
  purse.at = now
}

type Given = { org: string | null; kid: string; block: number; seals: number }

/** What the counter was moved by belongs to whoever moved it; at the limit it moves no more. */
async function reserve(
  pool: pg.Pool,
  list: Purse[],
  limitsOf: (name: KeyName) => SealLimits,
): Promise<Given[]> {
  const given: Given[] = []
  for (const [sql, purses] of [
    [OF_ORGANIZATIONS, list.filter(({ org }) => org !== null)],
    [OF_INSTALLATION, list.filter(({ org }) => org === null)],
  ] as const) {
    const [first] = purses
    if (!first) continue
    const wanted = purses.map(({ org, kid, block }) => ({ org, kid, n: block }))
    const values = [JSON.stringify(wanted), limitsOf(first).most]
    given.push(...(await pool.query<Given>(sql, values)).rows)
  }
  return given
}

const MOVED = `
  do update set seals = greatest(u.seals, least($2::bigint, u.seals + excluded.block)),
    block = greatest(0, least($2::bigint, u.seals + excluded.block) - u.seals)`
const WANTED = 'jsonb_to_recordset($1::jsonb) as w (org uuid, kid text, n bigint)'

const OF_ORGANIZATIONS = `
  insert into app.key_usage as u (org_id, kid, seals, block)
  select w.org, w.kid, least(w.n, $2::bigint), least(w.n, $2::bigint) from ${WANTED}
    join app.organizations o on o.org_id = w.org and o.status <> 'purging' order by w.org, w.kid
  on conflict (org_id, kid) ${MOVED} returning org_id as org, kid, block::float8, seals::float8`

const OF_INSTALLATION = `
  insert into app.master_keys as u (kid, seals, block)
  select w.kid, least(w.n, $2::bigint), least(w.n, $2::bigint) from ${WANTED} order by w.kid
  on conflict (kid) ${MOVED} returning null as org, kid, block::float8, seals::float8`
