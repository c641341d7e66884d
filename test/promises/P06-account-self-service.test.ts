import { openThrottles } from '../../src/accounts/throttle.ts'
import {
  addressMark,
  askEmailChange,
  confirmEmailChange,
  forgetAddresses,
  undoEmailChange,
} from '../../src/accounts/email-change.ts'
import { rows } from '../../src/db.ts'
import { searchValues } from '../../src/deletions/search.ts'
import { listKept } from '../../src/ops/mail.ts'
import { noteAssignee } from '../../src/preferences/recent.ts'
import { setPreferences } from '../../src/preferences/preferences.ts'
import { manifest } from '../../src/privacy/manifest.ts'
import { startApp, type Running } from '../support/app.ts'
import type { Org, Person } from '../support/org.ts'
import { signInAs } from '../support/sign-in.ts'
import { visit, type Visitor } from '../support/visitor.ts'

const HOUR = 3_600_000

describe('P6 — you see what is kept about you, and correct it at once', () => {
  let app: Running
  let org: Org
  let maya: Person
  let now = new Date()
  beforeAll(async () => {
    app = await startApp({ workers: false, now: () => now })
  })
  beforeEach(async () => {
    now = new Date()
    org = await app.org()
    maya = await org.person('agent')
  })
  afterAll(() => app.stop())
  const browserOf = async (person: Person): Promise<Visitor> =>
    visit(app, { cookie: await signInAs(app.on, org, person) })
  const emailOf = async (user: string): Promise<string | undefined> => {
    const [found] = await app.on.db.withSystem((tx) =>
      rows<{ email: string }>(tx, 'select email from users where id = ?', [user]),
    )
    return found?.email
  }
  /** The token of the latest letter to an address. */
  const linkTo = async (address: string): Promise<string> => {
    const letters = await listKept(app.on)
    const letter = letters.find(({ to }) => to === address)
    return /\/(?:email|undo)\/([A-Za-z0-9_-]{20,})/.exec(letter?.text ?? '')?.[1] ?? ''
  }
  const who = () => ({ user: maya.id, email: maya.email })
  const ask = (given: string) =>
    askEmailChange(app.on, openThrottles(app.on), { who: who(), given })
  const changeTo = async (address: string): Promise<void> => {
    await ask(address)
    await confirmEmailChange(app.on, who(), await linkTo(address))
  }

  test('the page has every value that the manifest declares of a person, and says why of each', async () => {
    await setPreferences(app.on, { org: org.id, user: maya.id }, { zone: 'Asia/Tokyo' })
    await app.on.db.withTenant(org.id, (tx) =>
      noteAssignee(tx, org.id, { user: maya.id, assignee: org.owner.id, now }),
    )
    await app.on.db.withSystem((tx) =>
      rows(
        tx,
        `insert into policy_acceptances (user_id, version, road, at) values (?, '2026-02-13', 'sign_up', ?)`,
        [maya.id, now],
      ),
    )
    const page = (await (await browserOf(maya)).get('/settings/privacy/data')).text
    for (const value of [
      maya.id,
      maya.email,
      'Test agent',
      'Asia/Tokyo',
      org.owner.id,
      '2026-02-13',
    ])
      expect(page).toContain(value)
    for (const table of [
      'users',
      'memberships',
      'user_preferences',
      'recent_assignees',
      'user_sessions',
    ]) {
      expect(page).toContain(`id="t-${table}"`)
      const [, part = ''] = page.split(`id="y-${table}"`)
      const declared = Object.keys(
        manifest.tables.find((one) => one.table === table)?.columns ?? {},
      )
      const [own = ''] = part.split('</table>')
      const titles = declared.map((name) => {
        const words = name.replaceAll('_', ' ')
        return `<td>${words.charAt(0).toUpperCase()}${words.slice(1)}</td>`
      })
      expect(titles.filter((title) => !own.includes(title))).toEqual([])
    }
    expect(page).toContain('present')
    expect(page).not.toMatch(/\$scrypt\$/)
  })

  test('another e-mail counts when the link that was sent to it is opened by the same person', async () => {
    await ask('new.canary@example.test')
    expect(await emailOf(maya.id)).toBe(maya.email)
    const token = await linkTo('new.canary@example.test')
    const stranger = { user: org.owner.id, email: org.owner.email }
    await expect(confirmEmailChange(app.on, stranger, token)).rejects.toMatchObject({ status: 410 })
    await confirmEmailChange(app.on, who(), token)
    expect(await emailOf(maya.id)).toBe('new.canary@example.test')
    await expect(confirmEmailChange(app.on, who(), token)).rejects.toMatchObject({ status: 410 })
  })

  test('an address that has an account already is answered alike, and nothing changes', async () => {
    const seat = await browserOf(maya)
    const answers = []
    for (const email of [org.owner.email, 'free.canary@example.test'])
      answers.push((await seat.post('/settings/profile/email', { email })).location)
    expect(answers[0]).toBe(answers[1])
    expect(await emailOf(maya.id)).toBe(maya.email)
  })

  test('the earlier address takes the change back for 72 hours, and every sign-in ends', async () => {
    await changeTo('thief.canary@example.test')
    now = new Date(now.getTime() + 71 * HOUR)
    const seat = await browserOf(maya)
    expect((await seat.get('/inbox')).status).toBe(200)
    await undoEmailChange(app.on, await linkTo(maya.email))
    expect(await emailOf(maya.id)).toBe(maya.email)
    expect((await seat.get('/inbox')).status).toBe(303)
  })

  test('a second after the 72 hours nothing of it is left but a keyed digest', async () => {
    await changeTo('kept.canary@example.test')
    const token = await linkTo(maya.email)
    now = new Date(now.getTime() + 72 * HOUR + 1_000)
    await expect(undoEmailChange(app.on, token)).rejects.toMatchObject({ status: 410 })
    await forgetAddresses(app.on)
    for (const door of [undefined, org.id])
      expect(await searchValues(app.on, door, [maya.email])).toEqual([])
    expect((await listKept(app.on)).filter(({ to }) => to === maya.email)).toEqual([])
    expect(await app.on.db.withSystem((tx) => rows(tx, 'select 1 from address_undos'))).toEqual([])
    const audits = await app.on.db.withTenant(org.id, (tx) =>
      rows<{ was: string }>(
        tx,
        `select detail ->> 'was' as was from audit_log where org_id = ? and action = 'email.changed'`,
        [org.id],
      ),
    )
    expect(audits).toEqual([{ was: addressMark(app.on, maya.email) }])
  })
})
