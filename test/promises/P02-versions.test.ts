import { createHash } from 'node:crypto'
import { appendFileSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import express from 'express'
import { joinWithPassword } from '../../src/accounts/joining.ts'
import { openPasswords } from '../../src/accounts/passwords.ts'
import { rows } from '../../src/db.ts'
import {
  openPolicy,
  policyText,
  PUBLISHED,
  type Policy,
  type PolicyVersion,
} from '../../src/privacy/policy-versions.ts'
import { policyRoutes } from '../../src/privacy/routes.ts'
import { ROOT } from '../../src/root.ts'
import { startApp, type Running } from '../support/app.ts'
import type { Org } from '../support/org.ts'
import { signInAs } from '../support/sign-in.ts'
import { visit } from '../support/visitor.ts'

const FIRST = '2026-02-13'
const NEXT = '2026-12-01'

describe('P2 — the policy has versions, and the date on it is true', () => {
  let app: Running
  let folder: string
  let now: Date
  beforeAll(async () => {
    app = await startApp({ workers: false, now: () => now })
    openPasswords(app.on, { ln: 4, r: 8, p: 1 })
    folder = mkdtempSync(path.join(os.tmpdir(), 'chatflow-policy-'))
    copyFileSync(path.join(ROOT, `src/policy/${FIRST}.txt`), path.join(folder, `${FIRST}.txt`))
  })
  beforeEach(() => {
    now = new Date('2026-11-20T10:00:00Z')
  })
  afterAll(async () => {
    rmSync(folder, { recursive: true })
    await app.stop()
  })

  /** A version of our own after the real one, as its file would say it. */
  function written(id: string, text = policyText()): PolicyVersion {
    const dated = text.replace('February 13, 2026', 'December 1, 2026')
    writeFileSync(path.join(folder, `${id}.txt`), dated)
    const sha256 = createHash('sha256').update(dated).digest('hex')
    return { id, effectiveOn: NEXT, sha256, summary: 'The date.', material: true }
  }
  const withNext = (): Policy => openPolicy([...PUBLISHED, written(NEXT)], folder)

  /** What the product's own routes answer as plain text with this policy. */
  async function asked(policy: Policy, page: string): Promise<{ status: number; text: string }> {
    const server = express().use(policyRoutes(app.on, policy)).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    const headers = { accept: 'text/plain', connection: 'close' }
    const answer = await fetch(`http://127.0.0.1:${port}${page}`, { headers })
    const text = await answer.text()
    await new Promise((resolve) => server.close(resolve))
    return { status: answer.status, text }
  }

  const shownTo = (emails: string[]): Promise<object[]> =>
    app.on.db.withSystem((tx) =>
      rows(
        tx,
        `select email, version, road, at from policy_acceptances p join users u on u.id = p.user_id
          where email = any(?) order by email`,
        [emails],
      ),
    )

  async function invited(org: Org, email: string): Promise<string> {
    const owner = visit(app, { cookie: await signInAs(app.on, org, org.owner) })
    const { text } = await owner.post('/settings/members/invitations', { email, role: 'agent' })
    return /\/invite\/([\w-]{43})/.exec(text)?.[1] ?? ''
  }

  test('the page changes when the day of a version begins, in UTC', async () => {
    const policy = withNext()
    now = new Date('2026-11-30T23:59:59.999Z')
    expect((await asked(policy, '/privacy')).text).toContain('Last updated: February 13, 2026')
    now = new Date('2026-12-01T00:00:00Z')
    expect((await asked(policy, '/privacy')).text).toContain('Last updated: December 1, 2026')
  })

  test('an earlier and a coming version keep their addresses', async () => {
    const policy = withNext()
    expect((await asked(policy, `/privacy/${NEXT}`)).text).toContain('December 1, 2026')
    now = new Date('2027-01-01T00:00:00Z')
    expect((await asked(policy, `/privacy/${FIRST}`)).text).toBe(policyText())
  })

  test('of two versions on one day the later one holds', () => {
    const policy = openPolicy([...PUBLISHED, written(NEXT), written(`${NEXT}-2`)], folder)
    expect(policy.inForce(new Date(`${NEXT}T12:00:00Z`)).id).toBe(`${NEXT}-2`)
  })

  test('a published text that was edited is refused, as is one with another date', () => {
    const edited = written('2026-12-01-3')
    appendFileSync(path.join(folder, '2026-12-01-3.txt'), ' ')
    expect(() => openPolicy([...PUBLISHED, edited], folder)).toThrow(/not the text/)
    const misdated = { ...written(NEXT), effectiveOn: '2026-12-02' }
    expect(() => openPolicy([...PUBLISHED, misdated], folder)).toThrow(/does not say its date/)
    expect(() => openPolicy([written(NEXT), ...PUBLISHED], folder)).toThrow(/begins before/)
  })

  test('what was published stays published', () => {
    expect(PUBLISHED[0]).toMatchObject({
      id: FIRST,
      sha256: '4614b566db826ef4f604e19f2dcf10532c2712543da18b443d20a867f491886a',
    })
  })

  test('all versions are listed, and one that never was is not found', async () => {
    const list = await visit(app).get('/privacy/versions')
    expect(list.text).toContain('href="/privacy/2026-02-13"')
    expect(list.text).toContain('In force. The first version.')
    expect((await visit(app).get('/privacy/2026-02-14')).status).toBe(404)
    expect((await visit(app).get('/privacy/..%2fpackage.json')).status).toBe(404)
  })

  test('an invitation that is accepted leaves one row too', async () => {
    now = new Date()
    const org = await app.org()
    await joinWithPassword(app.on, await invited(org, 'leo@example.test'), {
      name: 'Leo',
      password: 'quiet harbour lantern',
    })
    const row = { email: 'leo@example.test', version: FIRST, road: 'invitation', at: now }
    expect(await shownTo(['leo@example.test'])).toEqual([row])
  })

  test('a sign-up leaves one row of what was shown, also when it is sent twice', async () => {
    // The first person of an installation goes straight in; the next one waits for the mail.
    for (const email of ['first@example.test', 'next@example.test', 'next@example.test'])
      await visit(app).post('/signup', {
        organization: 'Quiet Shop',
        name: 'Maya',
        email,
        password: 'quiet harbour lantern',
      })
    const row = { version: FIRST, road: 'sign_up', at: now }
    expect(await shownTo(['first@example.test', 'next@example.test'])).toEqual([
      { email: 'first@example.test', ...row },
      { email: 'next@example.test', ...row },
    ])
  })
})
