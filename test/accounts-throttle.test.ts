import crypto from 'node:crypto'
import { createUser } from '../src/accounts/accounts.ts'
import { openPasswords } from '../src/accounts/passwords.ts'
import { networkOf } from '../src/accounts/throttle.ts'
import { rows } from '../src/db.ts'
import { startApp, type Running } from './support/app.ts'
import { visit } from './support/visitor.ts'

const PASSWORD = 'quiet harbour lantern'
let app: Running
let network = 0
let made = 0

const newIp = (): string => `10.${(network += 1)}.0.1`
const newEmail = async (): Promise<string> => {
  const org = await app.org()
  const email = `throttled${(made += 1)}@example.test`
  await createUser(app.on, { org: org.id, email, role: 'agent', password: PASSWORD })
  return email
}
const tries = (n: number, login: (i: number) => { email: string; ip: string }) =>
  Promise.all(
    Array.from({ length: n }, (_, i) => {
      const { email, ip } = login(i)
      return visit(app, { ip }).post('/login', { email, password: 'wrong wrong wrong' })
    }),
  )
const count = (answers: { status: number }[]): Record<number, number> => {
  const counts: Record<number, number> = {}
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

beforeAll(async () => {
  app = await startApp({ workers: false, env: { TRUST_PROXY: '1' } })
  openPasswords(app.on, { ln: 4, r: 8, p: 1 })
})
afterAll(() => app.stop())

test('of forty tries at once for one account from one network exactly five reach the password', async () => {
  const [email, ip] = [await newEmail(), newIp()]
  const answers = await tries(40, () => ({ email, ip }))
  expect(count(answers)).toEqual({ 422: 5, 429: 35 })
  const late = answers.find(({ status }) => status === 429)
  expect(Number(late?.headers.get('retry-after'))).toBeGreaterThan(800)
  expect(late?.text).toContain('Try again in 15 minutes.')

  const right = await visit(app, { ip }).post('/login', { email, password: PASSWORD })
  expect(right.status).toBe(429)
})

test('an account that does not exist is throttled with the same answers', async () => {
  const [known, ip] = [await newEmail(), newIp()]
  const unknown = known.replace('throttled', 'nobodyhas')
  const [there, absent] = [
    await tries(8, () => ({ email: known, ip })),
    await tries(8, () => ({ email: unknown, ip })),
  ]
  expect(count(absent)).toEqual(count(there))
  const texts = (answers: { status: number; text: string }[], email: string) =>
    answers.map(({ status, text }) => `${status} ${text.replaceAll(email, '')}`).toSorted()
  expect(texts(absent, unknown)).toEqual(texts(there, known))
})

test('from many networks an account is tried twenty times an hour', async () => {
  const email = await newEmail()
  const answers = await tries(24, () => ({ email, ip: newIp() }))
  expect(count(answers)).toEqual({ 422: 20, 429: 4 })
})

test('one password over many accounts stops at a hundred from one network', async () => {
  const ip = newIp()
  let passed = 0
  for (let i = 0; i < 13; i += 1) {
    const answers = await tries(8, (n) => ({
      email: `spray${i}-${n}@example.test`,
      ip: ip.replace(/1$/, String(n)),
    }))
    passed += answers.filter(({ status }) => status === 422).length
  }
  expect(passed).toBe(100)
})

test('while a stranger uses up the tries of an account, the browser that knows it still signs in', async () => {
  const email = await newEmail()
  const own = visit(app, { ip: newIp() })
  expect((await own.post('/login', { email, password: PASSWORD })).status).toBe(303)
  await own.post('/logout')
  await tries(24, () => ({ email, ip: newIp() }))

  expect(
    (await visit(app, { ip: newIp() }).post('/login', { email, password: PASSWORD })).status,
  ).toBe(429)
  expect((await own.post('/login', { email, password: PASSWORD })).status).toBe(303)

  const forged = visit(app, {
    ip: newIp(),
    cookie: 'cf_known=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
  })
  expect((await forged.post('/login', { email, password: PASSWORD })).status).toBe(429)
})

test('a right password gives its try back, so that a full office signs in in the morning', async () => {
  const [email, ip] = [await newEmail(), newIp()]
  for (let i = 0; i < 25; i += 1) {
    expect((await visit(app, { ip }).post('/login', { email, password: PASSWORD })).status).toBe(
      303,
    )
  }
})

test('five organizations an hour from one network', async () => {
  const ip = newIp()
  const answers = []
  for (let i = 0; i < 6; i += 1)
    answers.push(
      await visit(app, { ip }).post('/signup', {
        organization: 'Blue Linen',
        name: 'Maya',
        email: `many${i}@example.test`,
        password: PASSWORD,
      }),
    )
  expect(count(answers)).toEqual({ 200: 5, 429: 1 })
})

test('an unknown address costs one password hash, as a known one does', async () => {
  const email = await newEmail()
  const hashing = jest.spyOn(crypto, 'scrypt')
  const costs = async (address: string): Promise<unknown[]> => {
    hashing.mockClear()
    await tries(1, () => ({ email: address, ip: newIp() }))
    return hashing.mock.calls.map(([, , bytes, options]) => ({ bytes, options }))
  }
  const [known, unknown] = [await costs(email), await costs('nobody@example.test')]
  hashing.mockRestore()
  expect(known).toHaveLength(1)
  expect(unknown).toEqual(known)
})

test('the counters name nobody', async () => {
  const email = await newEmail()
  const ip = newIp()
  await tries(1, () => ({ email, ip }))
  const keys = await app.on.db.withSystem((tx) =>
    rows<{ key: string }>(tx, 'select key from throttles'),
  )
  expect(keys.length).toBeGreaterThan(2)
  for (const { key } of keys) {
    expect(key).toMatch(/^[a-z-]+:[\w-]{43}$/)
    expect(key).not.toContain(email)
  }
})

test.each([
  ['203.0.113.7', '203.0.113'],
  ['::ffff:203.0.113.7', '203.0.113'],
  ['2001:db8:1:2ff::1', '2001:db8:1:2'],
  ['2001:db8:1:2aa:9:8:7:6', '2001:db8:1:2'],
  ['2001:db8:1:300::1', '2001:db8:1:3'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
  ['::1', '0:0:0:0'],
])('%s counts as the network %s', (ip, expected) => {
  expect(networkOf(ip)).toBe(expected)
})
