import { SYSTEM } from '../../src/audit/audit.ts'
import { rows } from '../../src/db.ts'
import { confirmDeletion } from '../../src/deletions/confirm.ts'
import { advanceDue } from '../../src/deletions/advance.ts'
import { findDeletion } from '../../src/deletions/deletion.ts'
import { cancelDeletion, rejectDeletion } from '../../src/deletions/cancel.ts'
import { requestDeletion, type Asked } from '../../src/deletions/request.ts'
import { digest, newId } from '../../src/ids.ts'
import { listKept } from '../../src/ops/mail.ts'
import { startApp, type Running } from '../support/app.ts'
import { startGraph, type Graph } from '../support/graph.ts'
import type { Org } from '../support/org.ts'
import { program } from '../support/program.ts'
import { visit } from '../support/visitor.ts'

const DAY = 86_400_000

describe('P38 — deletion may be asked for at any time, by any road', () => {
  let app: Running
  let graph: Graph
  let org: Org
  let now: Date
  beforeAll(async () => {
    graph = await startGraph()
    app = await startApp({ workers: false, now: () => now, env: { GRAPH_API_URL: graph.url } })
  })
  beforeEach(async () => {
    now = new Date('2026-11-20T10:00:00Z')
    org = await app.org()
  })
  afterAll(async () => {
    await app.stop()
    await graph.stop()
  })

  const ask = (received?: Date): Promise<Asked> =>
    requestDeletion(app.on, {
      kind: 'org',
      subject: org.id,
      road: 'self',
      by: SYSTEM,
      ...(received ? { received } : {}),
    })
  const cancel = () => cancelDeletion(app.on, { subject: org.id, by: SYSTEM })
  const events = async ({ id }: Asked): Promise<string[]> => {
    const found = await app.on.db.withSystem((tx) =>
      rows<{ state: string }>(
        tx,
        'select state from deletion_events where deletion_id = ? order by at, id',
        [id],
      ),
    )
    return found.map(({ state }) => state)
  }

  test('asked again it is the same one, with the same code and deadline', async () => {
    const first = await ask()
    now = new Date(now.getTime() + 2 * DAY)
    expect(await ask()).toEqual(first)
  })

  test('the clock runs from when it was received, not from when it was typed in', async () => {
    const { deadline } = await ask(new Date('2026-11-10T10:00:00Z'))
    expect(deadline).toEqual(new Date('2026-12-10T10:00:00Z'))
  })

  test('a cancellation and the sweep at the same instant: exactly one of them wins', async () => {
    const asked = await ask()
    now = new Date(now.getTime() + 7 * DAY - 1)
    const [cancelled, swept] = await Promise.allSettled([
      cancel(),
      advanceDue(app.on, { now: new Date(now.getTime() + 1) }),
    ])
    const state = (await findDeletion(app.on, asked.code))?.state
    const isPurged = swept.status === 'fulfilled' && swept.value.purged.includes(asked.id)
    expect([cancelled.status === 'fulfilled', isPurged]).toEqual(
      state === 'cancelled' ? [true, false] : [false, true],
    )
    expect((await events(asked)).filter((one) => ['cancelled', 'purged'].includes(one))).toEqual([
      state,
    ])
  })

  test('after the grace it cannot be taken back, whether or not anything was removed yet', async () => {
    const asked = await ask()
    now = new Date(now.getTime() + 7 * DAY)
    await expect(cancel()).rejects.toMatchObject({ status: 409, code: 'too_late' })
    await advanceDue(app.on, { now })
    await expect(cancel()).rejects.toMatchObject({ status: 404 })
    expect(await events(asked)).toEqual(['requested', 'confirmed', 'grace', 'purging', 'purged'])
  })

  test('an API key may erase a contact and can do nothing to the account', async () => {
    const api = await program(app, org)
    for (const path of ['/organization', `/organizations/${org.id}`, '/account'])
      expect((await api.send('DELETE', path, {})).status).toBe(404)
    expect(
      await app.on.db.withSystem((tx) =>
        rows(tx, 'select 1 from deletions where org_id = ?', [org.id]),
      ),
    ).toEqual([])
  })

  describe('without signing in', () => {
    const DAYS = 3
    const mailTo = async (email: string, subject: RegExp) =>
      (await listKept(app.on)).filter((mail) => mail.to === email && subject.test(mail.subject))
    const askByForm = async (email: string): Promise<string> =>
      (await visit(app).post('/deletion', { email })).text
    const linkTo = async (email: string): Promise<string> => {
      const [mail] = await mailTo(email, /^Delete your/)
      return /\/deletion\/confirm\/[\w-]{43}/.exec(mail?.text ?? '')?.[0] ?? 'no link'
    }
    const stateOf = async (subject: string): Promise<{ state: string; reason: string | null }[]> =>
      app.on.db.withSystem((tx) =>
        rows(tx, 'select state, reason from deletions where subject_id = ? order by id', [subject]),
      )

    test('a link goes to the account’s address, the answer tells nobody who has one, and the link begins it', async () => {
      const maya = await org.person('agent')
      const known = await askByForm(maya.email)
      expect(await askByForm('nobody@example.test')).toBe(known)
      expect(await mailTo('nobody@example.test', /./)).toEqual([])
      await advanceDue(app.on, { now })
      expect(await stateOf(maya.id)).toEqual([{ state: 'requested', reason: null }])
      const link = await linkTo(maya.email)
      const stranger = visit(app)
      expect((await stranger.get(link)).text).toContain('Delete this account?')
      expect((await stranger.post(link, {})).status).toBe(422)
      const { location } = await stranger.post(link, { sure: '1' })
      expect(location).toMatch(/^\/deletion\/[\w-]{32}$/)
      expect((await stranger.post(link, { sure: '1' })).status).toBe(410)
      await advanceDue(app.on, { now })
      expect((await stranger.get(location)).text).toContain('It is done.')
    })

    test('asked again by any road it is the same one with the same end, and signed in it is confirmed', async () => {
      const maya = await org.person('agent')
      await askByForm(maya.email)
      now = new Date(now.getTime() + DAY)
      await askByForm(maya.email)
      expect(await mailTo(maya.email, /^Delete your/)).toHaveLength(1)
      const wish = { kind: 'user', subject: maya.id, road: 'self', by: SYSTEM } as const
      const asked = await requestDeletion(app.on, wish)
      expect(asked.deadline).toEqual(new Date('2026-12-20T10:00:00Z'))
      expect(await events(asked)).toEqual(['requested', 'confirmed', 'grace'])
      expect((await visit(app).get(await linkTo(maya.email))).status).toBe(410)
    })

    test('unanswered it lapses after three days, with two reminders before and one word after', async () => {
      const maya = await org.person('agent')
      await askByForm(maya.email)
      const link = await linkTo(maya.email)
      const begun = now.getTime()
      const reminders: number[] = []
      for (let hour = 0; hour < DAYS * 24; hour += 4) {
        now = new Date(begun + hour * 3_600_000)
        await advanceDue(app.on, { now })
        await advanceDue(app.on, { now })
        reminders.push((await mailTo(maya.email, /^Still waiting/)).length)
      }
      expect(reminders.join('')).toBe('000000111111222222')
      expect((await visit(app).get(link)).status).toBe(200)
      now = new Date(begun + DAYS * DAY)
      expect((await visit(app).post(link, { sure: '1' })).status).toBe(410)
      await advanceDue(app.on, { now })
      await advanceDue(app.on, { now })
      expect(await stateOf(maya.id)).toEqual([{ state: 'cancelled', reason: 'lapsed' }])
      expect(await mailTo(maya.email, /^Your account was not deleted/)).toHaveLength(1)
      await askByForm(maya.email)
      expect((await stateOf(maya.id)).map(({ state }) => state)).toEqual(['cancelled', 'requested'])
    })

    test('a confirmation and a cancellation at the same instant: exactly one of them wins', async () => {
      const maya = await org.person('agent')
      await askByForm(maya.email)
      const token = (await linkTo(maya.email)).split('/').at(-1) ?? ''
      const results = await Promise.allSettled([
        confirmDeletion(app.on, token, { withOrganizations: false }),
        cancelDeletion(app.on, { subject: maya.id, by: SYSTEM }),
        confirmDeletion(app.on, token, { withOrganizations: false }),
      ])
      const [first, cancelled, second] = results.map(({ status }) => status === 'fulfilled')
      expect([first, second].filter(Boolean).length + (cancelled ? 1 : 0)).toBeGreaterThan(0)
      expect(first && second).toBe(false)
      const [{ state } = { state: '' }] = await stateOf(maya.id)
      expect(['grace', 'cancelled']).toContain(state)
      expect(state === 'cancelled').toBe(cancelled)
    })

    test('the only owner takes the organization along, knowingly, and keeps both by cancelling', async () => {
      await askByForm(org.owner.email)
      const link = await linkTo(org.owner.email)
      const stranger = visit(app)
      expect((await stranger.get(link)).text).toContain('Nobody else owns')
      expect((await stranger.post(link, { sure: '1' })).status).toBe(409)
      expect((await stranger.post(link, { sure: '1', organizations: '1' })).status).toBe(303)
      await advanceDue(app.on, { now })
      expect(await stateOf(org.id)).toEqual([{ state: 'grace', reason: null }])
      expect(await stateOf(org.owner.id)).toEqual([{ state: 'grace', reason: null }])
      await cancel()
      expect(await stateOf(org.id)).toEqual([{ state: 'cancelled', reason: 'withdrawn' }])
      expect(await stateOf(org.owner.id)).toEqual([{ state: 'cancelled', reason: 'withdrawn' }])
    })

    test('who refuses a deletion says why, to the person', async () => {
      const asked = await ask()
      await rejectDeletion(app.on, { code: asked.code, reason: 'a court holds it', by: SYSTEM })
      expect(await stateOf(org.id)).toEqual([{ state: 'cancelled', reason: 'rejected' }])
      const [mail] = await mailTo(org.owner.email, /refused/)
      expect(mail?.text).toContain('a court holds it')
      expect(mail?.text).toContain('complain to a data protection authority')
      await expect(
        rejectDeletion(app.on, { code: asked.code, reason: 'again', by: SYSTEM }),
      ).rejects.toMatchObject({ status: 404 })
    })
  })

  test('each road makes a row of the same shape, with the same deadline', async () => {
    const shapes = []
    for (const road of ['self', 'agent', 'api', 'cli', 'operator', 'meta', 'dormant'] as const) {
      const { id } = await app.org()
      const wish = { kind: 'org', subject: id, road, by: SYSTEM } as const
      const asked = await requestDeletion(app.on, wish)
      const found = await findDeletion(app.on, asked.code)
      shapes.push({ ...found, id: '', org_id: '', subject_id: '', road: '' })
    }
    expect(new Set(shapes.map((shape) => JSON.stringify(shape))).size).toBe(1)
    expect(shapes[0]).toMatchObject({
      state: 'grace',
      deadline_at: new Date('2026-12-20T10:00:00Z'),
    })
  })

  const STATES = ['requested', 'confirmed', 'grace', 'purging', 'purged', 'cancelled'] as const
  const ALLOWED = new Set([
    'requested confirmed',
    'requested grace',
    'requested cancelled',
    'confirmed grace',
    'confirmed cancelled',
    'grace purging',
    'grace cancelled',
    'purging purged',
  ])
  test.each(STATES.flatMap((from) => STATES.filter((to) => to !== from).map((to) => [from, to])))(
    'from %s to %s: only as the policy has it, whoever writes',
    async (from, to) => {
      const ended = (state: string): string =>
        state === 'purged' ? `purged_at = now()` : `purged_at = null`
      const why = (state: string): string => (state === 'cancelled' ? `'withdrawn'` : 'null')
      const moved = app.on.db.withSystem(async (tx) => {
        const id = newId()
        await rows(
          tx,
          `insert into deletions (id, kind, subject_id, code_digest, road, state, reason, requested_at, deadline_at, purged_at)
           values (?, 'user', ?, ?, 'self', ?, ${why(from)}, now(), now(), ${from === 'purged' ? 'now()' : 'null'})`,
          [id, newId(), digest(id), from],
        )
        await rows(
          tx,
          `update deletions set state = ?, reason = ${why(to)}, ${ended(to)} where id = ?`,
          [to, id],
        )
        await rows(tx, 'delete from deletions where id = ?', [id])
        return true
      })
      const outcome = await moved.catch((error: Error) => error.message.split(' - ').at(-1))
      expect(outcome).toBe(
        ALLOWED.has(`${from} ${to}`) || `a deletion does not go from ${from} to ${to}`,
      )
    },
  )

  test('the clock is set once: nothing moves what was promised', async () => {
    const { id } = await ask()
    for (const column of ['requested_at', 'deadline_at'])
      await expect(
        app.on.db.withSystem((tx) =>
          rows(tx, `update deletions set ${column} = now() where id = ?`, [id]),
        ),
      ).rejects.toThrow('the clock of a deletion is set once')
  })
})
