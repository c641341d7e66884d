import { choosePersonalisation, chooseForAll } from '../../src/choices/choices.ts'
import { rows } from '../../src/db.ts'
import { startApp, type Running } from '../support/app.ts'
import { exportOf, linesOf } from '../support/exports.ts'
import { chatWith } from '../support/inbox.ts'
import type { Org, Person } from '../support/org.ts'
import { signInAs } from '../support/sign-in.ts'
import { visit, type Visitor } from '../support/visitor.ts'

const HOME = '/settings/preferences'
const CHOSEN = {
  theme: 'dark',
  density: 'compact',
  formats: 'en-US',
  zone: 'Asia/Kolkata',
  start: '/contacts',
}

describe('P20 — personalization is chosen, visible and reversible', () => {
  let app: Running
  let org: Org
  beforeAll(async () => {
    app = await startApp({ workers: false })
  })
  beforeEach(async () => {
    org = await app.org()
  })
  afterAll(() => app.stop())

  const browserOf = async (person: Person, at = org): Promise<Visitor> =>
    visit(app, { cookie: await signInAs(app.on, at, person) })
  const stored = (user: string): Promise<{ key: string; value: string }[]> =>
    app.on.db.withSystem((tx) =>
      rows(tx, 'select key, value from user_preferences where user_id = ? order by key', [user]),
    )
  const derived = (): Promise<object[]> =>
    app.on.db.withTenant(org.id, (tx) =>
      rows(tx, 'select user_id, assignee_id from recent_assignees where org_id = ?', [org.id]),
    )
  /** The names of the menu that assigns a conversation, in its order. */
  const menuOf = async (seat: Visitor, conversation: string): Promise<string[]> => {
    const { text } = await seat.get(`/inbox/${conversation}`)
    return [...text.matchAll(/id="assign-([0-9a-f-]{36})"/g)].map(([, id]) => id ?? '')
  }

  test('what is chosen counts on the next page, and a key or value that is not declared changes nothing', async () => {
    const maya = await org.person('agent')
    const seat = await browserOf(maya)
    expect((await seat.post(HOME, CHOSEN)).status).toBe(303)
    const page = (await seat.get('/inbox')).text
    expect(page).toContain('data-theme="dark" data-density="compact"')
    expect(page).toContain('class="list-pane compact"')
    expect((await seat.get('/')).location).toBe('/contacts')
    for (const wrong of [
      { mood: 'sunny' },
      { theme: 'plaid' },
      { __proto__x: '1', theme: 'light' },
    ])
      expect((await seat.post(HOME, wrong)).status).toBe(422)
    expect(await stored(maya.id)).toHaveLength(5)
    expect((await seat.post(HOME, { density: '' })).status).toBe(303)
    expect((await seat.get('/inbox')).text).not.toContain('compact')
  })

  test('another person in the same browser, and after a reset the same one, sees none of it', async () => {
    const [maya, other] = [await org.person('agent'), await org.person('agent')]
    const seat = await browserOf(maya)
    await seat.post('/theme', { theme: 'dark' })
    expect((await seat.get('/contacts')).text).toContain('data-theme="dark"')
    seat.cookies.delete('cf_dev')
    const [name = '', value = ''] = (await signInAs(app.on, org, other)).split(/=(.*)/)
    seat.cookies.set(name, value)
    expect((await seat.get('/contacts')).text).toContain('data-theme=""')
    const again = await browserOf(maya)
    await again.post(HOME, CHOSEN)
    await again.post(`${HOME}/reset`)
    expect(await stored(maya.id)).toEqual([])
    expect((await again.get('/contacts')).text).toContain('data-theme=""')
  })

  test('an export has all of it, and what it has is taken over again', async () => {
    const [maya, fresh] = [await org.person('agent'), await org.person('agent')]
    await (await browserOf(maya)).post(HOME, CHOSEN)
    const { files } = await exportOf(app, { kind: 'user', id: maya.id })
    const lines = files['data/user_preferences.jsonl'] ?? ''
    expect(Object.fromEntries(linesOf(lines).map(({ key, value }) => [key, value]))).toEqual(CHOSEN)
    const seat = await browserOf(fresh)
    expect((await seat.post(`${HOME}/import`, { lines })).status).toBe(303)
    expect(await stored(fresh.id)).toEqual(await stored(maya.id))
    for (const wrong of ['{"key":"mood","value":"x"}', 'nonsense', '{"key":"theme"}'])
      expect((await seat.post(`${HOME}/import`, { lines: wrong })).status).toBe(422)
  })

  test('a preference holds where it was declared to: everywhere, or in one organization', async () => {
    const maya = await org.person('agent')
    const second = await app.org()
    await app.on.db.withTenant(second.id, (tx) =>
      rows(tx, `insert into memberships (org_id, user_id, role) values (?, ?, 'agent')`, [
        second.id,
        maya.id,
      ]),
    )
    await (await browserOf(maya)).post(HOME, { theme: 'light', start: '/contacts' })
    const there = await browserOf(maya, second)
    expect((await there.get('/contacts')).text).toContain('data-theme="light"')
    expect((await there.get('/')).location).toBe('/inbox')
  })

  test('what is made from use is listed with its source, and goes in the step that says no', async () => {
    const [maya, zoe] = [await org.person('agent'), await org.person('agent')]
    const seat = await browserOf(maya)
    const { id } = await chatWith(app, org, 'Hello')
    const before = await menuOf(seat, id)
    await seat.post(`/inbox/${id}/assignment`, { assignee: zoe.id })
    expect((await menuOf(seat, id))[0]).toBe(zoe.id)
    expect((await seat.get(HOME)).text).toMatch(/Made from your own assignments[^]*Test agent/)
    expect(await derived()).toEqual([{ user_id: maya.id, assignee_id: zoe.id }])

    await choosePersonalisation(app.on, { org: org.id, user: maya.id }, { isOn: false })
    expect(await derived()).toEqual([])
    await seat.post(`/inbox/${id}/assignment`, { assignee: zoe.id })
    expect(await derived()).toEqual([])
    expect(await menuOf(seat, id)).toEqual(before)
  })

  test('an organization’s no ends it for all of its members', async () => {
    const maya = await org.person('agent')
    const seat = await browserOf(maya)
    const { id } = await chatWith(app, org, 'Hello')
    await seat.post(`/inbox/${id}/assignment`, { assignee: maya.id })
    expect(await derived()).toHaveLength(1)
    const admin = { org: org.id, user: org.owner.id }
    await chooseForAll(app.on, admin, { subject: 'personalisation', isOn: false })
    expect(await derived()).toEqual([])
    await seat.post(`/inbox/${id}/assignment`, { assignee: org.owner.id })
    expect(await derived()).toEqual([])
  })
})
