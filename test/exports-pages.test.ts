import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { rows } from '../src/db.ts'
import { newId } from '../src/ids.ts'
import { folderOf, partOf, sealedOf } from '../src/privacy/export-place.ts'
import { sweepExports, withdrawExports } from '../src/privacy/export-shelf.ts'
import { advanceExport, dueExports, requestExport } from '../src/privacy/exports.ts'
import { BACKENDS, startApp, type Running } from './support/app.ts'
import { filesOf, linesOf, newZip, talkOf, watchedDoors } from './support/exports.ts'
import { member } from './support/member.ts'
import type { Org } from './support/org.ts'
import { program } from './support/program.ts'
import { signInAs } from './support/sign-in.ts'
import { until } from './support/until.ts'
import { visit } from './support/visitor.ts'

const HOUR_MS = 3_600_000
const PAGE = '/settings/privacy/exports'
const OWN = '/settings/profile/exports'

const fileLink = (page: string): string => /action="([^"]+\/downloads)"/.exec(page)?.[1] ?? ''

/** The files of a ZIP that was answered. */
async function unpacked(answer: Response): Promise<Record<string, string>> {
  const name = newZip()
  await writeFile(name, Buffer.from(await answer.arrayBuffer()))
  return filesOf(name)
}

describe.each(BACKENDS)('with the queue in %s', (backend) => {
  let app: Running
  let org: Org
  beforeAll(async () => {
    app = await startApp({ backend })
    org = await app.org()
  })
  afterAll(() => app.stop())

  test('an admin asks for everything, sees it become ready and fetches it; a colleague cannot', async () => {
    await talkOf(app, org, 3)
    const admin = await member(app, org, 'admin')
    const colleague = await member(app, org, 'admin')
    expect(await (await admin.get(PAGE)).text()).toContain('Nothing was exported yet')
    expect((await admin.post(PAGE)).headers.get('location')).toBe(PAGE)
    const link = await until(async () => fileLink(await (await admin.get(PAGE)).text()))
    const answer = await admin.post(link)
    expect(answer.headers.get('content-disposition')).toMatch(
      /^attachment; filename="chatflow-org-/,
    )
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(linesOf((await unpacked(answer))['data/messages.jsonl'])).toHaveLength(3)
    const theirs = await (await colleague.get(PAGE)).text()
    expect(theirs).toContain('Only for')
    expect(fileLink(theirs)).toBe('')
    expect((await colleague.post(link)).status).toBe(404)
    expect((await (await member(app, await app.org(), 'owner')).post(link)).status).toBe(404)
  })

  test('an agent fetches what is kept about them, and not what is the organization’s', async () => {
    const agent = await member(app, org, 'agent')
    await agent.post(OWN)
    const link = await until(async () => fileLink(await (await agent.get(OWN)).text()))
    const files = await unpacked(await agent.post(link))
    expect(Object.keys(files)).toContain('data/user_sessions.jsonl')
    expect(Object.keys(files)).not.toContain('data/messages.jsonl')
    expect((await (await member(app, org, 'agent')).post(link)).status).toBe(404)
    expect((await agent.get(PAGE)).status).toBe(403)
  })
})

describe('an export', () => {
  let app: Running
  let org: Org
  let clock = Date.now()
  beforeAll(async () => {
    app = await startApp({ workers: false, now: () => new Date(clock) })
  })
  beforeEach(async () => {
    clock = Date.now()
    org = await app.org()
  })
  afterAll(() => app.stop())

  const ask = () => requestExport(app.on, { kind: 'org', org: org.id }, org.owner.id)
  const owner = async () => visit(app, { cookie: await signInAs(app.on, org, org.owner) })
  const rowOf = async (id: string) =>
    (
      await app.on.db.withSystem((tx) =>
        rows<Record<string, unknown>>(tx, 'select * from exports where id = ?', [id]),
      )
    )[0]
  const filesNow = async () =>
    (await readdir(folderOf(app.on), { recursive: true }).catch(() => [])).map((name) =>
      path.basename(name),
    )
  const placed = (id: string) => ({ id, org_id: org.id, location: null })

  test('lies sealed, with nothing of its content to be read, and is not made twice', async () => {
    await talkOf(app, org, 2)
    const [id, same] = await Promise.all([ask(), ask()])
    expect(same).toBe(id)
    await advanceExport(app.on, id)
    expect(await rowOf(id)).toMatchObject({ state: 'ready', records: { messages: 2 } })
    const bytes = await readFile(sealedOf(app.on, placed(id)))
    for (const plain of ['PK\u0003\u0004', 'manifest.json', 'Message 0'])
      expect(bytes.includes(plain)).toBe(false)
    expect(bytes.toString()).toMatch(/^v1\.d\w+\.[\w-]+\n$/)
    await advanceExport(app.on, id)
    expect((await rowOf(id))?.['attempts']).toBe(1)
    expect(await ask()).not.toBe(id)
  })

  test('shows how far it is, and asks again while it is under way', async () => {
    const id = await ask()
    const me = await owner()
    expect((await me.get(PAGE)).text).toContain('Waiting to begin')
    await app.on.db.withSystem((tx) =>
      rows(tx, `update exports set state = 'running', done = 1200, total = 5000 where id = ?`, [
        id,
      ]),
    )
    const part = (await me.get(PAGE, { 'HX-Request': 'true', 'HX-Request-Type': 'partial' })).text
    expect(part).toMatch(
      /^<div id="exports" hx-get="\/settings\/privacy\/exports" hx-trigger="every 2s"/,
    )
    expect(part).toContain('<progress max="5000" value="1200"')
    expect(part).toContain('1,200 of 5,000 records')
    expect((await me.post(`${PAGE}/${id}/downloads`)).status).toBe(409)
  })

  test('moves its bar with each batch', async () => {
    await talkOf(app, org, 1_201)
    const id = await ask()
    const seen: unknown[] = []
    const { db } = app.on
    await advanceExport(
      {
        ...app.on,
        db: watchedDoors(db, async () => {
          seen.push((await rowOf(id))?.['done'])
        }),
      },
      id,
    )
    const row = await rowOf(id)
    expect(new Set(seen).size).toBeGreaterThan(5)
    expect(row?.['done']).toBe(row?.['total'])
    expect(row?.['total']).toBeGreaterThan(1_201)
  })

  test('goes after its hours: the link first, then the file, then the row', async () => {
    const id = await ask()
    await advanceExport(app.on, id)
    clock += 71 * HOUR_MS
    await sweepExports(app.on)
    expect(await filesNow()).toContain(`${id}.sealed`)
    clock += 2 * HOUR_MS
    const me = await owner()
    expect((await me.post(`${PAGE}/${id}/downloads`)).status).toBe(410)
    await sweepExports(app.on)
    expect(await filesNow()).not.toContain(`${id}.sealed`)
    expect((await rowOf(id))?.['state']).toBe('expired')
    expect((await me.get(PAGE)).text).toContain('the file is deleted')
    clock += 31 * 24 * HOUR_MS
    await sweepExports(app.on)
    expect(await rowOf(id)).toBeUndefined()
  })

  test('that dies halfway is made by the next one, and after the third failure says so', async () => {
    const id = await ask()
    await app.on.db.withSystem((tx) =>
      rows(tx, `update exports set state = 'running', attempts = 1, lease_until = ? where id = ?`, [
        new Date(clock + 60_000),
        id,
      ]),
    )
    await mkdir(path.dirname(partOf(app.on, placed(id))), { recursive: true })
    await writeFile(partOf(app.on, placed(id)), 'half')
    await advanceExport(app.on, id)
    expect((await rowOf(id))?.['state']).toBe('running')
    clock += 61_000
    expect(await dueExports(app.on)).toEqual([id])
    await advanceExport(app.on, id)
    expect((await rowOf(id))?.['state']).toBe('ready')

    const other = await ask()
    await app.on.db.withSystem((tx) =>
      rows(tx, `update organizations set status = 'purging' where org_id = ?`, [org.id]),
    )
    for (const state of ['pending', 'pending', 'failed']) {
      await expect(advanceExport(app.on, other)).rejects.toMatchObject({ code: 'being_erased' })
      expect((await rowOf(other))?.['state']).toBe(state)
    }
  })

  test('that is withdrawn while it is made leaves no file and no row', async () => {
    await talkOf(app, org, 1_201)
    const id = await ask()
    const { db } = app.on
    let calls = 0
    const withdrawn = watchedDoors(db, async () => {
      calls += 1
      if (calls === 20) await withdrawExports(app.on, { org: org.id })
    })
    await advanceExport({ ...app.on, db: withdrawn }, id)
    expect(calls).toBeGreaterThanOrEqual(20)
    expect(await rowOf(id)).toBeUndefined()
    expect((await filesNow()).filter((name) => name.startsWith(id))).toEqual([])
  })

  test('goes with the contact it holds, and a file nobody knows goes with the next sweep', async () => {
    const { contact } = await talkOf(app, org, 1)
    const id = await ask()
    await advanceExport(app.on, id)
    const stray = newId()
    await writeFile(sealedOf(app.on, placed(stray)), 'x')
    expect(await withdrawExports(app.on, { org: org.id, contact })).toBe(1)
    await sweepExports(app.on)
    for (const name of await filesNow()) expect(name).not.toMatch(new RegExp(`${id}|${stray}`))
  })

  test('is fetched five times at most; the sixth is refused, and its file goes', async () => {
    const id = await ask()
    await advanceExport(app.on, id)
    const me = await owner()
    const link = `${PAGE}/${id}/downloads`
    const answers = []
    for (let n = 0; n < 6; n += 1) answers.push(await me.post(link))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 410])
    expect(answers[5]?.text).toContain('downloaded 5 times, which is as often as one may be')
    expect((await me.get(PAGE)).text).toContain('Downloaded 5 times')
    await sweepExports(app.on)
    expect(await filesNow()).not.toContain(`${id}.sealed`)
    expect((await me.post(link)).text).toContain('downloaded 5 times')
  })

  test('is fetched only with a password that was entered lately', async () => {
    const id = await ask()
    await advanceExport(app.on, id)
    const long = visit(app, { cookie: await signInAs(app.on, org, org.owner, clock - 16 * 60_000) })
    const page = (await long.get(PAGE)).text
    expect(page).toContain('Unlock with your password')
    expect(fileLink(page)).toBe('')
    for (const way of [`${PAGE}/${id}/downloads`, `${PAGE}/confirmation`]) {
      const asked = await long.post(way)
      expect([asked.status, asked.text.includes('Confirm your password')]).toEqual([403, true])
    }
    expect((await rowOf(id))?.['downloads']).toBe(0)
    expect((await (await owner()).post(`${PAGE}/confirmation`)).location).toBe(PAGE)
  })

  test('that an older version left in the one folder of all can be fetched, and goes in time', async () => {
    const id = await ask()
    await advanceExport(app.on, id)
    const flat = path.join(folderOf(app.on), `${id}.sealed`)
    await rename(sealedOf(app.on, placed(id)), flat)
    await app.on.db.withSystem((tx) =>
      rows(tx, `update exports set location = ? where id = ?`, [`${id}.sealed`, id]),
    )
    await sweepExports(app.on)
    expect((await (await owner()).post(`${PAGE}/${id}/downloads`)).status).toBe(200)
    clock += 73 * HOUR_MS
    await sweepExports(app.on)
    expect(await filesNow()).not.toContain(`${id}.sealed`)
  })

  test('of one contact is made for admins in the page, and a download for programs', async () => {
    const [ana, ben] = [await talkOf(app, org, 3), await talkOf(app, org, 1)]
    const admin = await member(app, org, 'admin')
    const agent = await member(app, org, 'agent')
    const wish = `/contacts/${ana.contact}/exports`
    expect(await (await admin.get(`/contacts/${ana.contact}`)).text()).toContain(`action="${wish}"`)
    expect(await (await agent.get(`/contacts/${ana.contact}`)).text()).not.toContain(wish)
    expect((await agent.post(wish)).status).toBe(403)
    expect((await admin.post(wish)).headers.get('location')).toBe(PAGE)
    const [made] = await app.on.db.withSystem((tx) =>
      rows<{ id: string }>(tx, 'select id from exports where subject_id = ?', [ana.contact]),
    )
    const id = made?.id ?? ''
    await advanceExport(app.on, id)
    const { key } = await program(app, org)
    const fromApi = await fetch(`${app.url}/api/v1/contacts/${ana.contact}/export`, {
      headers: { authorization: `Bearer ${key}` },
    })
    expect(fromApi.headers.get('content-type')).toBe('application/zip')
    for (const answer of [await admin.post(`${PAGE}/${id}/downloads`), fromApi]) {
      const files = await unpacked(answer)
      expect(linesOf(files['data/messages.jsonl'])).toHaveLength(3)
      expect(Object.values(files).join()).not.toContain(ben.contact)
    }
    const foreign = await member(app, await app.org(), 'owner')
    expect((await foreign.post(wish)).status).toBe(404)
    expect((await admin.post(`/contacts/${newId()}/exports`)).status).toBe(404)
  })
})
