import { format } from 'node:util'
import type pg from 'pg'
import type { Running } from './app.ts'
import { searchDump, type Dump } from './canaries.ts'
import { startProxy, type Proxy } from './proxy.ts'
import { visit, type Answer, type Visitor } from './visitor.ts'

/** An answer as it went out, and whom it went to. */
export type Heard = { who: string; what: string; status: number; text: string }

export type Ears = {
  heard: Heard[]
  /** A browser whose answers are all kept. */
  browser(app: Running, who: string, options?: { cookie?: string }): Visitor
  /** As `fetch`, for programs and for Meta. */
  ask(who: string, url: string, init?: RequestInit): Promise<Answer>
}

/** Keeps every answer: status, headers but for cookies, and body, also with numbers that are grouped put together. */
export function openEars(): Ears {
  const heard: Heard[] = []
  const keep = (who: string, what: string, answer: Answer): Answer => {
    const headers = [...answer.headers].filter(([name]) => name !== 'set-cookie')
    const plain = answer.text.replaceAll(/(?<=\d)[ \u00A0-](?=\d)/g, '')
    const text = [...headers.map((pair) => pair.join(': ')), answer.text, plain].join('\n')
    heard.push({ who, what, status: answer.status, text })
    return answer
  }
  return {
    heard,
    browser(app, who, options = {}) {
      const { cookies, get, post } = visit(app, options)
      return {
        cookies,
        get: async (path, headers) => keep(who, `GET ${path}`, await get(path, headers)),
        post: async (path, form, headers) =>
          keep(who, `POST ${path}`, await post(path, form, headers)),
      }
    },
    async ask(who, url, init = {}) {
      const answer = await fetch(url, { ...init, redirect: 'manual' })
      const { status, headers } = answer
      const text = await answer.text()
      const what = `${init.method ?? 'GET'} ${new URL(url).pathname}`
      return keep(who, what, { status, headers, text, location: headers.get('location') ?? '' })
    },
  }
}

/** Everything this process prints from now on, past the log too. */
export function overhear(): string[] {
  const printed: string[] = []
  for (const way of ['log', 'info', 'warn', 'error', 'debug', 'trace', 'dir'] as const)
    jest.spyOn(console, way).mockImplementation((...said) => void printed.push(format(...said)))
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream)
    jest.spyOn(stream, 'write').mockImplementation((chunk) => {
      printed.push(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString())
      return write(chunk)
    })
  }
  return printed
}

/** A door to the Redis of the tests that keeps every byte that goes in. */
export async function recordRedis(): Promise<{ url: string; said: Buffer[]; proxy: Proxy }> {
  const at = new URL(process.env['TEST_REDIS_URL'] ?? 'redis://127.0.0.1:6379')
  const said: Buffer[] = []
  const to = { host: at.hostname, port: Number(at.port) || 6379 }
  const proxy = await startProxy(to, (bytes) => void said.push(bytes))
  at.host = `127.0.0.1:${proxy.port}`
  return { url: at.href, said, proxy }
}

/**
 * From now on each row of the queues' tables is kept in every state it was ever written in. Table by table, and before anybody works
 * at them: whoever locks several at once may meet a worker that does so in another order.
 */
export async function recordJobs(login: pg.Client): Promise<void> {
  await login.query(`
    create table public.job_history (place text, row jsonb);
    create function public.keep_job() returns trigger language plpgsql security definer as $$
      begin insert into public.job_history values (tg_table_name, to_jsonb(new)); return null; end $$;`)
  const { rows } = await login.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'jobs'`,
  )
  for (const { name } of rows)
    await login.query(
      `create trigger keep_job after insert or update on ${name} for each row execute function public.keep_job()`,
    )
}

/** A mail as its reader sees it: nodemailer folds and escapes what is not plain. */
export const readable = (message: string): string =>
  message
    .replaceAll('=\n', '')
    .replaceAll(/=([0-9A-F]{2})/g, (_all, code: string) =>
      String.fromCharCode(Number.parseInt(code, 16)),
    )

export type Named = Readonly<Record<string, string>>
export type Found = { name: string; place: string }
/** A value may stand in these places: that is what they are for. */
export type Allowed = readonly [place: RegExp, names: RegExp]

/** What cannot be written in another way in it: a page escapes quotation marks, an address spaces. */
const CORE = /kanarie\d+q\w{4}z/g

/** Which of the named values stand in which of the places. */
export function findIn(
  places: Iterable<readonly [string, string | Buffer]>,
  values: Named,
): Found[] {
  const dump: Dump = new Map()
  for (const [place, content] of places)
    dump.set(place, Buffer.concat([dump.get(place) ?? Buffer.alloc(0), Buffer.from(content)]))
  const names = new Map<string, string>()
  for (const [name, value] of Object.entries(values))
    for (const core of value.match(CORE) ?? [value]) names.set(core, name)
  const [ours, theirs] = [...names.keys()].reduce<[string[], string[]]>(
    ([made, others], one) =>
      one.startsWith('kanarie') ? [[...made, one], others] : [made, [...others, one]],
    [[], []],
  )
  const found = [...searchDump(dump, ours), ...searchDump(dump, theirs)]
  return found.map(({ canary, place }) => ({ name: names.get(canary) ?? '', place }))
}

/** What was found where it is not allowed, as `name in place`, and each permission that nothing needed. */
export function judge(found: Found[], allowed: readonly Allowed[]): string[] {
  const used = new Set<Allowed>()
  const leaks = found.filter(({ name, place }) => {
    const fitting = allowed.filter(([where, names]) => where.test(place) && names.test(name))
    for (const one of fitting) used.add(one)
    return fitting.length === 0
  })
  const unused = allowed.filter((one) => !used.has(one)).map(([where]) => `nobody needs ${where}`)
  return [...new Set([...leaks.map(({ name, place }) => `${name} in ${place}`), ...unused])]
}
