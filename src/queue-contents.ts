import { Redis } from 'ioredis'
import pg from 'pg'
import { copyOut } from './copy.ts'

type Store = { DATABASE_URL: string; REDIS_URL?: string | undefined }
/** Bytes that lie in the store of the queues, and how long nobody has touched them, where that is known. */
export type Content = { place: string; bytes: Buffer; idleS: number | null }

const PAGE = 1_000

/** Everything under our names in the store of the queues: names of keys, values of whatever type, rows of jobs. */
export const contentsOf = (at: Store, prefix: string): AsyncGenerator<Content> =>
  at.REDIS_URL === undefined ? inSchema(at.DATABASE_URL) : inRedis(at.REDIS_URL, prefix)

async function* inRedis(url: string, prefix: string): AsyncGenerator<Content> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null })
  client.on('error', () => undefined)
  try {
    await client.connect()
    for await (const key of keysOf(client, prefix)) {
      const idle = await client.object('IDLETIME', key).catch(() => null)
      const about = { place: `redis ${key}`, idleS: typeof idle === 'number' ? idle : null }
      yield { ...about, bytes: Buffer.from(key) }
      for await (const bytes of valuesOf(client, key)) yield { ...about, bytes }
    }
  } finally {
    client.disconnect()
  }
}

async function* keysOf(client: Redis, prefix: string): AsyncGenerator<string> {
  for (let cursor = ''; cursor !== '0';) {
    const [next, keys] = await client.scan(cursor || '0', 'MATCH', `${prefix}*`, 'COUNT', PAGE)
    yield* keys
    cursor = next
  }
}

/** The value of one key, page by page; of a type that we do not use, as Redis would dump it. */
async function* valuesOf(client: Redis, key: string): AsyncGenerator<Buffer> {
  const type = await client.type(key)
  if (type === 'hash') yield* scanned((cursor) => client.hscanBuffer(key, cursor))
  else if (type === 'set') yield* scanned((cursor) => client.sscanBuffer(key, cursor))
  else if (type === 'zset') yield* scanned((cursor) => client.zscanBuffer(key, cursor))
  else if (type === 'list') yield* listed(client, key)
  else if (type === 'stream')
    for (const [id, fields] of await client.xrange(key, '-', '+'))
      yield Buffer.from([id, ...fields].join('\n'))
  else {
    const value = await (type === 'string' ? client.getBuffer(key) : client.dumpBuffer(key))
    if (value) yield value
  }
}

async function* scanned(
  page: (cursor: string) => Promise<[cursor: Buffer, found: Buffer[]]>,
): AsyncGenerator<Buffer> {
  for (let cursor = ''; cursor !== '0';) {
    const [next, found] = await page(cursor || '0')
    yield joined(found)
    cursor = String(next)
  }
}

async function* listed(client: Redis, key: string): AsyncGenerator<Buffer> {
  for (let at = 0, last = PAGE; last === PAGE; at += PAGE) {
    const found = await client.lrangeBuffer(key, at, at + PAGE - 1)
    yield joined(found)
    last = found.length
  }
}

const joined = (parts: Buffer[]): Buffer =>
  Buffer.concat(parts.flatMap((part) => [part, Buffer.from('\n')]))

async function* inSchema(url: string): AsyncGenerator<Content> {
  const client = new pg.Client({ connectionString: url, application_name: 'chatflow' })
  await client.connect()
  try {
    await client.query('set role cf_queue')
    const { rows } = await client.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'jobs'`,
    )
    for (const { name } of rows)
      for await (const bytes of copyOut(client, `copy ${name} to stdout`))
        yield { place: `table ${name}`, bytes, idleS: null }
  } finally {
    await client.end()
  }
}
