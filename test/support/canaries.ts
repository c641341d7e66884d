import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { Redis } from 'ioredis'
import type pg from 'pg'
import { copyOut } from '../../src/copy.ts'
import type { Running } from './app.ts'
import { columnsOf } from './schema.ts'

/** Where a value was planted, by its canary. */
export type Planted = Map<string, string>

/** Bytes of everything a process of ours keeps, by the place they lie in. */
export type Dump = Map<string, Buffer>

let made = 0
export const newCanary = (): string =>
  `kanarie${process.pid}q${(made += 1).toString(36).padStart(4, '0')}z`

/** How a value of this type is made out of a canary; undefined for what cannot hold one. */
const VALUES: Record<string, (canary: string) => unknown> = {
  text: (canary) => canary,
  'character varying(255)': (canary) => canary,
  jsonb: (canary) => JSON.stringify({ planted: canary }),
  json: (canary) => JSON.stringify({ planted: canary }),
  bytea: (canary) => Buffer.from(canary),
  'text[]': (canary) => [canary],
}

/**
 * Put a canary of its own into every column of an organization's and a person's rows that takes one. A column whose
 * checks refuse it holds words of ours only; `skip` names what the purge itself has to read.
 */
export async function plantInRows(
  login: pg.Client,
  { org, user }: { org: string; user: string },
  skip: string[],
): Promise<Planted> {
  const planted: Planted = new Map()
  const columns = await columnsOf(login)
  const hasOrg = new Set(columns.filter((c) => c.column === 'org_id').map(({ table }) => table))
  const whose = (table: string): { sql: string; id: string } | undefined => {
    if (hasOrg.has(table)) return { sql: 'org_id = $2', id: org }
    if (table === 'users') return { sql: 'id = $2', id: user }
    if (['password_resets'].includes(table)) return { sql: 'user_id = $2', id: user }
    return undefined
  }
  for (const { table, column, type } of columns) {
    const [value, where] = [VALUES[type], whose(table)]
    if (!value || !where || skip.includes(table) || skip.includes(`${table}.${column}`)) continue
    const canary = newCanary()
    const done = await login
      .query(`update app."${table}" set "${column}" = $1 where ${where.sql}`, [
        value(canary),
        where.id,
      ])
      .catch(() => ({ rowCount: 0 }))
    if ((done.rowCount ?? 0) > 0) planted.set(canary, `${table}.${column}`)
  }
  return planted
}

/** The whole database (rows, jobs, statistics), every Redis key of this run, every file below DATA_DIR, and the log. */
export async function dumpAll(app: Running, login: pg.Client, redisPrefix: string): Promise<Dump> {
  const dump: Dump = new Map([['log', Buffer.from(app.lines.join('\n'))]])
  const { rows: tables } = await login.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('app', 'jobs', 'public')
     union all select 'pg_catalog.pg_stats'`,
  )
  for (const { name } of tables) {
    const filter = name.endsWith('pg_stats') ? `where schemaname in ('app', 'jobs')` : ''
    const parts: Buffer[] = []
    for await (const part of copyOut(login, `copy (select * from ${name} ${filter}) to stdout`))
      parts.push(part)
    dump.set(`table ${name}`, Buffer.concat(parts))
  }
  for (const file of await filesBelow(app.on.config.DATA_DIR))
    dump.set(
      `file ${path.relative(app.on.config.DATA_DIR, file)}`,
      // The server removes files of its own meanwhile.
      Buffer.concat([Buffer.from(`${file}\n`), await readFile(file).catch(() => Buffer.alloc(0))]),
    )
  if (app.on.config.REDIS_URL) await dumpRedis(app.on.config.REDIS_URL, redisPrefix, dump)
  return dump
}

async function filesBelow(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  return found
    .filter((one) => one.isFile())
    .map(({ parentPath, name }) => path.join(parentPath, name))
}

async function dumpRedis(url: string, prefix: string, dump: Dump): Promise<void> {
  const redis = new Redis(url)
  try {
    for (const key of await redis.keys(`${prefix}*`)) {
      const read: Record<string, () => Promise<unknown>> = {
        string: () => redis.get(key),
        hash: () => redis.hgetall(key),
        list: () => redis.lrange(key, 0, -1),
        set: () => redis.smembers(key),
        zset: () => redis.zrange(key, '0', '-1'),
        stream: () => redis.xrange(key, '-', '+'),
      }
      const value = await read[await redis.type(key)]?.()
      dump.set(`redis ${key}`, Buffer.from(`${key}\n${JSON.stringify(value)}`))
    }
  } finally {
    redis.disconnect()
  }
}

/** Each canary that is anywhere, and where: in plain, hex, UTF-16, base64 at any offset or escaped letter by letter, whatever its case. */
export function searchDump(dump: Dump, canaries: string[]): { canary: string; place: string }[] {
  const found: { canary: string; place: string }[] = []
  const stems = spellings(commonStart(canaries)).map((one) => Buffer.from(one, 'latin1'))
  for (const [place, bytes] of dump) {
    if (!stems.some((stem) => bytes.includes(stem))) continue
    const text = bytes.toString('latin1')
    const folded = text.toLowerCase()
    for (const canary of canaries)
      if (
        spellings(canary).some((one) => text.includes(one)) ||
        folded.includes(canary.toLowerCase())
      )
        found.push({ canary, place })
  }
  return found
}

/** What all canaries of a run begin with: where that is not, none of them is. */
function commonStart(canaries: string[]): string {
  const [first = '', ...others] = canaries
  const ends = others.map((one) => first.split('').findIndex((letter, at) => one[at] !== letter))
  return first.slice(0, Math.min(first.length, ...ends.filter((end) => end >= 0)))
}

function spellings(canary: string): string[] {
  const bytes = Buffer.from(canary)
  const base64 = [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64')
    return text.slice(offset === 0 ? 0 : 4, -4)
  })
  const url = base64.map((one) => one.replaceAll('+', '-').replaceAll('/', '_'))
  return [
    canary,
    canary.toUpperCase(),
    [...bytes].map((byte) => `%${byte.toString(16)}`).join(''),
    [...bytes].map((byte) => String.raw`\u00${byte.toString(16)}`).join(''),
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    Buffer.from(canary, 'utf16le').toString('latin1'),
    ...base64,
    ...url,
  ]
}
