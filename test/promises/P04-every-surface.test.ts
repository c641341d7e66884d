import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import pg from 'pg'
import { createApiKey } from '../../src/accounts/api-keys.ts'
import type { Level } from '../../src/http/access.ts'
import { newId } from '../../src/ids.ts'
import { createWeb } from '../../src/listener.ts'
import { QUEUE_NAMES, type QueueName } from '../../src/queues.ts'
import { ROOT } from '../../src/root.ts'
import { openSender } from '../../src/sending/sending.ts'
import { storeUsage } from '../../src/usage/usage.ts'
import { startWorkers } from '../../src/work.ts'
import { startApp, type Running } from '../support/app.ts'
import { sealedBody } from '../support/inbound.ts'
import { stateOf, type Neighbours } from '../support/neighbours.ts'
import type { Org } from '../support/org.ts'
import { waysInto, type Way } from '../support/routes.ts'
import { newIds, seedRows, type Ids } from '../support/rows.ts'
import { columnsOf } from '../support/schema.ts'
import { signInAs } from '../support/sign-in.ts'
import { receive } from '../../src/messages/inbound.ts'
import { messageOf, messagesBody, newCustomer } from '../support/meta.ts'

jest.setTimeout(120_000)

const PEOPLE = ['nobody', 'a program', 'agent', 'admin', 'owner', 'operator'] as const
/** Which levels each of them passes besides those that are open to all. */
const PASSES: Readonly<Record<(typeof PEOPLE)[number], readonly Level[]>> = {
  nobody: [],
  'a program': ['key'],
  agent: ['user', 'agent'],
  admin: ['user', 'agent', 'admin'],
  owner: ['user', 'agent', 'admin', 'owner'],
  operator: ['user', 'agent', 'admin', 'owner', 'ops'],
}
const OPEN: ReadonlySet<Level> = new Set(['public', 'meta', 'sandbox', 'link'])
/** Doors that are knocked at together. */
const AT_ONCE = 8
const FRAGMENT = { 'HX-Request': 'true', 'HX-Request-Type': 'partial' }

/** Enough for every form and every call: what is not asked for is not looked at. */
const BODY = {
  text: 'Hello',
  client_token: newId(),
  name: 'Ana',
  phone: '+4915112345678',
  email: '',
  role: 'agent',
  status: 'resolved',
  assignee: '',
  state: 'disabled',
  step: 'close',
  type: 'text',
  sure: '1',
}

describe('P4 — the promises hold on every surface', () => {
  let app: Running
  let ways: Way[]
  let login: pg.Client
  let theirs: Ids
  let us: Org
  const headers: Record<string, Record<string, string>> = { nobody: {} }

  beforeAll(async () => {
    app = await startApp({ workers: false })
    ways = waysInto(createWeb(app.on).app)
    // The first person of an installation operates it.
    const first = await app.org()
    headers['operator'] = { Cookie: await signInAs(app.on, first, first.owner) }
    us = await app.org()
    for (const role of ['agent', 'admin', 'owner'] as const)
      headers[role] = { Cookie: await signInAs(app.on, us, await us.person(role)) }
    const { key } = await createApiKey(app.on, us.id, { name: 'Shop', scopes: ['read', 'write'] })
    headers['a program'] = { Authorization: `Bearer ${key}` }
    login = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
    await login.connect()
    theirs = newIds()
    await seedRows(login, theirs)
  })
  afterAll(async () => {
    await login.end()
    await app.stop()
  })

  type Ask = {
    method: string
    at: string
    who: string
    more?: Record<string, string>
    body?: Record<string, string>
  }

  async function ask({ method, at, who, more = {}, body = {} }: Ask): Promise<Response> {
    const isRead = ['GET', 'HEAD', 'OPTIONS'].includes(method)
    const isApi = at.startsWith('/api/')
    const answer = await fetch(app.url + at, {
      method,
      redirect: 'manual',
      headers: {
        Origin: app.url,
        ...headers[who],
        ...(isApi ? { 'Content-Type': 'application/json' } : {}),
        ...more,
      },
      ...(isRead ? {} : { body: isApi ? JSON.stringify(body) : new URLSearchParams(body) }),
    })
    await answer.body?.cancel()
    return answer
  }

  const isShut = ({ status, headers: told }: Response): boolean =>
    status === 401 ||
    status === 403 ||
    Boolean(told.get('location')?.startsWith('/login')) ||
    Boolean(told.get('hx-redirect')?.startsWith('/login'))
  const methodOf = ({ method }: Way): string => (method === 'ALL' ? 'GET' : method)
  const withId = ({ path: at }: Way, id = newId()): string => at.replaceAll(/:\w+/g, id)

  test('every way in has its row in the table, and no row is without its way', () => {
    const file = path.join(ROOT, 'test/access-table.txt')
    const found = ways.map(
      ({ method, path: at, level, sudo }) => `${level}${sudo ? '+sudo' : ''} ${method} ${at}`,
    )
    expect([...new Set(found)].toSorted()).toEqual(
      readFileSync(file, 'utf8').trim().split('\n').toSorted(),
    )
  })

  /** What shuts somebody out who has to be let in, and lets in who has to be shut out. */
  async function wrongAnswers(who: (typeof PEOPLE)[number], more = {}): Promise<string[]> {
    const wrong: string[] = []
    const knock = async (way: Way): Promise<void> => {
      const answer = await ask({ method: methodOf(way), at: withId(way), who, more })
      const mayPass = way.level !== undefined && PASSES[who].includes(way.level)
      if (isShut(answer) === mayPass) wrong.push(`${answer.status} ${way.method} ${way.path}`)
    }
    const doors = ways.filter(({ level }) => level && !OPEN.has(level))
    for (let n = 0; n < doors.length; n += AT_ONCE)
      await Promise.all(doors.slice(n, n + AT_ONCE).map(knock))
    return wrong
  }

  test.each(PEOPLE)('%s passes exactly the doors that are theirs', async (who) => {
    expect(await wrongAnswers(who)).toEqual([])
  })

  test('a fragment is no way around: asked for alone it is shut to the same people', async () => {
    expect(await wrongAnswers('nobody', FRAGMENT)).toEqual([])
    expect(await wrongAnswers('agent', FRAGMENT)).toEqual([])
  })

  test('HEAD is shut where GET is, and OPTIONS tells methods and nothing else', async () => {
    const reads = ways.filter(({ method, level }) => method === 'GET' && level && !OPEN.has(level))
    const wrong: string[] = []
    for (const way of reads) {
      const head = await ask({ method: 'HEAD', at: withId(way), who: 'nobody' })
      if (!isShut(head)) wrong.push(`HEAD ${way.path} ${head.status}`)
      const options = await fetch(app.url + withId(way), { method: 'OPTIONS' })
      const told = await options.text()
      if (!/^[A-Z, ]*$/.test(told) && !isShut(options)) wrong.push(`OPTIONS ${way.path}: ${told}`)
    }
    expect(reads.length).toBeGreaterThan(40)
    expect(wrong).toEqual([])
  })

  test('an address that asks for another format is the same door', async () => {
    for (const at of ['/contacts?format=csv', '/settings/members?format=json', '/ops?format=csv'])
      expect(isShut(await ask({ method: 'GET', at, who: 'nobody' }))).toBe(true)
  })

  /** What of theirs a way names, by what stands before the id: the id itself, or the table it lies in. */
  const NAMED: [RegExp, () => string][] = [
    [/^\/(api\/v1\/)?contacts\/:/, () => theirs.contact],
    [/^\/inbox\/:|conversations\/:/, () => theirs.conversation],
    [/messages\/:id/, () => theirs.outbound],
    [/connections\/:/, () => theirs.connection],
    [/invitations\/:/, () => 'invitations'],
    [/members\/:/, () => theirs.user],
    [/api-keys\/:/, () => theirs.apiKey],
    [/privacy\/contacts\/:/, () => 'privacy_requests'],
    [/exports\/:/, () => 'exports'],
    [/findings\/:/, () => 'abuse_findings'],
  ]

  async function theirId(at: string): Promise<string | undefined> {
    const found = NAMED.find(([place]) => place.test(at))?.[1]()
    if (found === undefined || !/^[a-z_]+$/.test(found)) return found
    const row = await login.query<{ id: string }>(`select id from app.${found} where org_id = $1`, [
      theirs.org,
    ])
    return row.rows[0]?.id
  }

  test('what belongs to another organization is not found, as if it did not exist, and stays as it was', async () => {
    const at = { login, columns: await columnsOf(login) } as Neighbours
    const before = await stateOf(at, theirs.org)
    const named = ways.filter(
      ({ path: to, level }) =>
        to.includes(':') && level && ['user', 'agent', 'admin', 'owner', 'key'].includes(level),
    )
    const tried: string[] = []
    const different: string[] = []
    for (const way of named) {
      const id = await theirId(way.path)
      if (id === undefined) continue
      const who = way.level === 'key' ? 'a program' : 'owner'
      const method = methodOf(way)
      const address = way.path.replace(':message', theirs.outbound).replaceAll(/:\w+/g, id)
      const real = await ask({ method, at: address, who, body: BODY })
      const invented = await ask({ method, at: withId(way), who, body: BODY })
      tried.push(way.path)
      const isSame = real.status === invented.status
      // Something is taken back that may be gone already: that is the same answer for both.
      const isHidden = method === 'GET' ? real.status === 404 : real.status >= 300
      if (!isSame || !isHidden || real.status === 403)
        different.push(`${method} ${way.path}: ${real.status}, invented ${invented.status}`)
    }
    expect(tried.length).toBeGreaterThan(35)
    expect(different).toEqual([])
    expect(await stateOf(at, theirs.org)).toBe(before)
  })

  test('each queue has one worker, and a job that names another organization changes nothing of it', async () => {
    const heard: QueueName[] = []
    const { work } = app.on.queues
    app.on.queues.work = (name) => void heard.push(name)
    const stop = startWorkers(app.on)
    await stop()
    app.on.queues.work = work
    expect(heard.toSorted()).toEqual([...QUEUE_NAMES].toSorted())

    const at = { login, columns: await columnsOf(login) } as Neighbours
    const other = await app.org()
    const before = await stateOf(at, other.id)
    const sender = openSender(app.on, {})
    await sender.drain({ org: us.id, connection: other.connection.id })
    await sender.settlePosts(1_000)
    await storeUsage(app.on, {
      org: us.id,
      events: [{ id: newId(), ref: other.id, page: '/inbox', feature: null, at: Date.now() }],
    })
    const ana = newCustomer()
    const body = messagesBody(us.connection, ana, messageOf(ana, 'Hello'))
    await receive(app.on, [{ ...sealedBody(app.on, us.connection, body), org: other.id }])
    expect(await stateOf(at, other.id)).toBe(before)
  })

  test('routes, views and workers hold no statement: they reach data through a noun', () => {
    const files = ['src', 'workers', 'views'].flatMap((folder) =>
      readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((name) =>
        path.join(folder, name),
      ),
    )
    // The store of sign-ins is a part of the session library, and reads its own table only.
    const outer = files.filter(
      (file) =>
        /routes\.ts$|^src\/http\/.*\.ts$|^workers\/|\.ejs$/.test(file) &&
        file !== 'src/http/session.ts',
    )
    const statement =
      /^import (?!type )[^\n]*from '(knex|pg)'|(?<!express)\.raw\(|\brows(<[^>]*>)?\(|\b(?:select .+ from|insert into|delete from|update \w+ set) /im
    expect(outer.length).toBeGreaterThan(120)
    expect(
      outer.filter((file) => statement.test(readFileSync(path.join(ROOT, file), 'utf8'))),
    ).toEqual([])
    const lint = readFileSync(path.join(ROOT, '.oxlintrc.json'), 'utf8')
    expect(lint).toMatch(/"src\/\*\/\*routes\.ts"[^}]+"knex", "pg", "\.\.\/db\.ts"/)
  })

  test('anybody reads the list of all ways in, with the guard that each passes', async () => {
    const list = (await (await fetch(`${app.url}/trust/surfaces.json`)).json()) as {
      web: { surface: string; guard: string; fresh_password: boolean }[]
      queues: { surface: string }[]
    }
    expect(list.web).toHaveLength(ways.length)
    expect(list.web.filter(({ guard }) => guard === 'none')).toEqual([])
    expect(list.web).toContainEqual({
      surface: 'POST /contacts/:id/erase',
      guard: 'a signed-in admin of the organization',
      fresh_password: true,
    })
    expect(list.queues.map(({ surface }) => surface)).toEqual([...QUEUE_NAMES])
  })
})
