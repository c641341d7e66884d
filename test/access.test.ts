import { readFileSync } from 'node:fs'
import path from 'node:path'
import express, { type RequestHandler } from 'express'
import { createWeb } from '../src/listener.ts'
import { access } from '../src/http/access.ts'
import { newId } from '../src/ids.ts'
import { startApp, type Running } from './support/app.ts'
import type { Org } from './support/org.ts'
import { waysInto, type Way } from './support/routes.ts'
import { signInAs } from './support/sign-in.ts'

const done: RequestHandler = (_req, res) => void res.end()
let app: Running
let ways: Way[]
let first: Org
const cookies: Record<string, string> = {}

beforeAll(async () => {
  app = await startApp({ workers: false })
  ways = waysInto(createWeb(app.on).app)
  // The first person of an installation operates it.
  first = await app.org()
  cookies['operator'] = await signInAs(app.on, first, first.owner)
  const org = await app.org()
  for (const role of ['agent', 'admin', 'owner'])
    cookies[role] = await signInAs(app.on, org, await org.person(role))
})
afterAll(() => app.stop())

/** Knock at a way with ids that are nobody's; the body is not waited for, a stream would never end. */
async function knock(way: Way, headers: Record<string, string>): Promise<Response> {
  const address = app.url + way.path.replace(/:\w+/g, () => newId())
  const isRead = ['GET', 'ALL'].includes(way.method)
  const answer = await fetch(address, {
    method: isRead ? 'GET' : way.method,
    redirect: 'manual',
    headers: {
      ...(isRead ? {} : { 'Content-Type': 'application/x-www-form-urlencoded' }),
      ...headers,
    },
    ...(isRead ? {} : { body: '' }),
  })
  await answer.body?.cancel()
  return answer
}

test('the walk finds a route without a declaration, also one method of several and deep inside', () => {
  const inner = express.Router()
  inner.route('/mixed').get(access('public'), done).post(done)
  const outer = express().use(express.Router().use(inner)).get('/late', done, access('user'))
  const found = waysInto(outer).map(({ method, path: at, level }) => `${method} ${at} ${level}`)
  expect(found).toEqual(['GET /mixed public', 'POST /mixed undefined', 'GET /late undefined'])
})

test('every route says who may call it, under a prefix that is known', () => {
  expect(ways.length).toBeGreaterThan(50)
  expect(ways.filter(({ level, path: at }) => level === undefined || at.includes('<'))).toEqual([])
})

test('the list of doors is the one that was agreed: access-table.txt', () => {
  const file = path.join(import.meta.dirname, 'access-table.txt')
  const agreed = readFileSync(file, 'utf8').trim().split('\n')
  const found = ways.map(
    ({ method, path: at, level, sudo }) => `${level}${sudo ? '+sudo' : ''} ${method} ${at}`,
  )
  expect([...new Set(found)].toSorted()).toEqual(agreed.toSorted())
})

/** What an owner may post from a page. */
const isOwnersPost = ({ level, method }: Way): boolean =>
  method === 'POST' && ['user', 'agent', 'admin', 'owner', 'ops'].includes(level ?? '')

test('with a password entered long ago every door that wants a fresh one asks for it, and nothing else does', async () => {
  const Cookie = await signInAs(app.on, first, first.owner, Date.now() - 16 * 60_000)
  const asking: string[] = []
  for (const way of ways.filter(isOwnersPost)) {
    const answer = await knock(way, { Origin: app.url, Cookie, Accept: 'application/json' })
    if (answer.status === 403) asking.push(`${way.method} ${way.path}`)
  }
  // Among the doors was the one that ends all other sign-ins.
  cookies['operator'] = await signInAs(app.on, first, first.owner)
  const marked = ways.filter(({ sudo }) => sudo)
  expect(marked.length).toBeGreaterThan(5)
  expect(marked.filter(({ method }) => method !== 'POST')).toEqual([])
  expect(asking).toEqual(marked.map(({ method, path: at }) => `${method} ${at}`))
})

test('a program needs a key, and a cookie is none', async () => {
  const keyed = ways.filter(({ level }) => level === 'key')
  expect(keyed.length).toBeGreaterThan(5)
  for (const way of keyed) {
    const answer = await knock(way, { Cookie: cookies['owner'] ?? '', Origin: app.url })
    expect(`${answer.status} ${way.method} ${way.path}`).toBe(`401 ${way.method} ${way.path}`)
  }
})

describe('writes from elsewhere', () => {
  const OTHER = 'https://evil.example'
  test.each([
    [{ 'Sec-Fetch-Site': 'same-origin' }, true],
    [{ 'Sec-Fetch-Site': 'same-origin', Origin: OTHER }, true],
    [{ 'Sec-Fetch-Site': 'same-site', Origin: 'own' }, false],
    [{ 'Sec-Fetch-Site': 'cross-site', Origin: 'own' }, false],
    [{ 'Sec-Fetch-Site': 'none', Origin: 'own' }, false],
    [{ Origin: 'own' }, true],
    [{ Origin: OTHER }, false],
    [{ Origin: 'null' }, false],
    [{ Origin: 'own.evil.example' }, false],
    [{}, false],
    [{ Authorization: 'Bearer cf_x', Origin: OTHER }, false],
  ])('with %j: taken is %s', async (given: Record<string, string>, isTaken) => {
    const headers = Object.fromEntries(
      Object.entries(given).map(([name, value]) => [name, value.replace(/^own/, app.url)]),
    )
    const way = { method: 'POST', path: '/settings/profile', level: 'user' as const, sudo: false }
    const answer = await knock(way, { ...headers, Cookie: cookies['agent'] ?? '' })
    expect(answer.status).toBe(isTaken ? 422 : 403)
  })

  test('no route that takes a cookie takes them', async () => {
    const writes = ways.filter(
      ({ method, level }) =>
        !['GET', 'ALL'].includes(method) && !['key', 'meta', 'link'].includes(level ?? ''),
    )
    expect(writes.length).toBeGreaterThan(20)
    const taken: string[] = []
    for (const way of writes) {
      const answer = await knock(way, {
        Cookie: cookies['operator'] ?? '',
        'Sec-Fetch-Site': 'cross-site',
        Origin: app.url,
      })
      if (answer.status !== 403) taken.push(`${answer.status} ${way.method} ${way.path}`)
    }
    expect(taken).toEqual([])
  })
})

test('signed out in the middle of something: pages go to the sign-in and back, fragments say so, streams end', async () => {
  const page = await fetch(`${app.url}/inbox?view=mine`, { redirect: 'manual' })
  expect([page.status, page.headers.get('location')]).toEqual([
    303,
    '/login?next=%2Finbox%3Fview%3Dmine',
  ])

  const fragment = await fetch(`${app.url}/inbox`, {
    headers: {
      'HX-Request': 'true',
      'HX-Request-Type': 'partial',
      'HX-Current-URL': `${app.url}/inbox?q=a`,
    },
  })
  expect([fragment.status, fragment.headers.get('hx-redirect')]).toEqual([
    204,
    '/login?next=%2Finbox%3Fq%3Da',
  ])

  const stream = await fetch(`${app.url}/inbox/stream`, {
    headers: { Accept: 'text/event-stream' },
  })
  expect(stream.status).toBe(401)
})
