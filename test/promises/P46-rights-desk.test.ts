import { listAudit } from '../../src/audit/log.ts'
import { constraintOf, rows } from '../../src/db.ts'
import { dueAt, dueOf } from '../../src/rights/clock.ts'
import { answer, extend, refuse } from '../../src/rights/decide.ts'
import { pause, resume, verify, type At } from '../../src/rights/desk.ts'
import { openRequest } from '../../src/rights/request.ts'
import { tendRequests } from '../../src/rights/tend.ts'
import { startApp, type Running } from '../support/app.ts'
import { arrive, read } from '../support/inbound.ts'
import { messageOf, messagesBody, newCustomer } from '../support/meta.ts'
import { openRightsDesk, otherCode, VECTORS, type RightsDesk } from '../support/rights.ts'
import { signInAs } from '../support/sign-in.ts'
import { visit } from '../support/visitor.ts'

const SECOND = 1_000
const MINUTE = 60_000
const DAY = 86_400_000
const WHY = { words: 'The archive on paper has to be read by hand.' }

describe('P46 — the rights desk: one queue, one clock, checked identity', () => {
  let app: Running
  let desk: RightsDesk
  let now: Date
  beforeAll(async () => {
    app = await startApp({ workers: false, now: () => now })
  })
  beforeEach(async () => {
    now = new Date('2026-11-20T10:00:00Z')
    desk = await openRightsDesk(app)
  })
  afterAll(() => app.stop())

  const wait = (ms: number): void => void (now = new Date(now.getTime() + ms))
  const change = (sql: string, at: At): Promise<unknown> =>
    app.on.db.withSystem((tx) =>
      rows(
        tx,
        `update privacy_requests set ${sql} where org_id is not distinct from ? and id = ?`,
        [at.org as string, at.id],
      ),
    )

  describe('the clock', () => {
    test('is due a month after it was received, and a deletion within thirty days', () => {
      const rest = { paused_at: null, paused_ms: 0, extended_at: null }
      for (const [from, month, days] of VECTORS) {
        const timed = { ...rest, received_at: new Date(from) }
        expect(dueOf({ ...timed, kind: 'access' })).toEqual(new Date(month))
        expect(dueOf({ ...timed, kind: 'erase' })).toEqual(new Date(days))
      }
    })

    test('stands while the person is asked who they are, and goes on later by exactly that', async () => {
      const at = await desk.open()
      const { due_at: before } = await desk.find(at)
      wait(3 * DAY)
      await pause(app.on, at)
      wait(5 * DAY + 4_321)
      expect(dueAt(await desk.find(at), now).getTime() - before.getTime()).toBe(5 * DAY + 4_321)
      await resume(app.on, at)
      await pause(app.on, at)
      wait(1_234)
      await resume(app.on, at)
      const { due_at: after, state } = await desk.find(at)
      expect([after.getTime() - before.getTime(), state]).toEqual([5 * DAY + 5_555, 'open'])
    })

    test('is extended once, with a reason that the person is told, until the first month is over', async () => {
      const at = await desk.open()
      await expect(extend(app.on, at, { words: ' ' })).rejects.toMatchObject({ status: 422 })
      await extend(app.on, at, WHY)
      expect((await desk.find(at)).due_at).toEqual(new Date('2027-02-20T10:00:00Z'))
      const [mail] = await desk.mailTo(desk.reader)
      expect(mail?.text).toContain(WHY.words)
      await expect(extend(app.on, at, WHY)).rejects.toMatchObject({ code: 'extended' })

      const late = await desk.open()
      const { due_at } = await desk.find(late)
      now = due_at
      await expect(extend(app.on, late, WHY)).rejects.toMatchObject({ code: 'too_late' })
      now = new Date(due_at.getTime() - 1)
      await extend(app.on, late, WHY)
      // Nobody can be told from here, and nobody says that they were: then nothing is extended.
      const silent = await desk.open({ texts: {} })
      await expect(extend(app.on, silent, WHY)).rejects.toMatchObject({ code: 'nobody_told' })
      await extend(app.on, silent, { ...WHY, isTold: true })
      expect((await desk.find(silent)).extended_at).toEqual(now)
    })

    test('of the deletion of an account never moves, whoever wants it', async () => {
      const at = await desk.open({ org: null, kind: 'erase' })
      await expect(extend(app.on, at, WHY)).rejects.toMatchObject({ code: 'runs_on' })
      await expect(pause(app.on, at)).rejects.toMatchObject({ code: 'runs_on' })
      const moved = change('extended_at = received_at', at)
      expect(await moved.catch(constraintOf)).toBe('requests_thirty_days')
    })

    test('is told of at ten, five and one days and when it is over, once each', async () => {
      const [ours, theirs] = [await desk.open({ org: null }), await desk.open()]
      const { due_at: due } = await desk.find(ours)
      const told = async (address: string, of: At): Promise<string[]> => {
        const { number } = await desk.find(of)
        const mine = (await desk.mailTo(address)).filter(({ subject }) => subject.includes(number))
        return mine.map(({ subject }) => subject.split(' is ')[1] ?? '').toReversed()
      }
      const tend = async (left: number): Promise<void> => {
        now = new Date(due.getTime() - left)
        await tendRequests(app.on, now)
        await tendRequests(app.on, now)
      }
      await tend(10 * DAY + SECOND)
      expect(await told(app.on.config.PRIVACY_CONTACT, ours)).toEqual([])
      for (const left of [10 * DAY, 5 * DAY + SECOND, 5 * DAY, DAY + SECOND, DAY, SECOND, 0])
        await tend(left)
      const all = ['due in ten days', 'due in five days', 'due in one day', 'overdue']
      expect(await told(app.on.config.PRIVACY_CONTACT, ours)).toEqual(all)
      expect(await told(desk.admin.email, theirs)).toEqual(all)
    })
  })

  describe('whoever answers', () => {
    test('cannot refuse without a reason, and the person hears of it with the remedies', async () => {
      const at = await desk.open()
      const empty = refuse(app.on, at, { reason: 'excessive', words: '' })
      await expect(empty).rejects.toMatchObject({ status: 422 })
      const bare = change(`state = 'refused', outcome = 'refused', closed_at = due_at`, at)
      expect(await bare.catch(constraintOf)).toBe('requests_reason')
      await refuse(app.on, at, { reason: 'excessive', words: 'It is the ninth of this week.' })
      const [mail] = await desk.mailTo(desk.reader)
      for (const words of ['excessive', 'ninth of this week', 'complain', 'authority', 'court'])
        expect(mail?.text).toContain(words)
    })

    test('makes sure who asks before anything is handed over, and it is kept who did and how', async () => {
      const at = await desk.open()
      const done = { ...WHY, outcome: 'handed_over' as const }
      await expect(answer(app.on, at, done)).rejects.toMatchObject({ code: 'unverified' })
      await verify(app.on, at, 'document')
      await answer(app.on, at, done)
      expect(await desk.find(at)).toMatchObject({
        verified_how: 'document',
        verified_by: desk.admin.id,
        verified_at: now,
      })
    })
  })

  test('every step stands in the audit log and on the receipt, with the time that is left; none is rewritten', async () => {
    const { org } = desk
    const by = { kind: 'user' as const, id: desk.admin.id }
    const texts = { address: desk.reader }
    const wish = { org: org.id, kind: 'access', road: 'phone', by, texts } as const
    const { code, id } = await openRequest(app.on, wish)
    const at = { org: org.id, id, by }
    const receipt = async (): Promise<string> =>
      (await visit(app).get(`/privacy/requests/${code}`)).text
    expect(await receipt()).toContain('30 d left')
    wait(7 * DAY)
    expect(await receipt()).toContain('23 d left')
    await pause(app.on, at)
    await resume(app.on, at)
    await verify(app.on, at, 'known')
    await extend(app.on, at, WHY)
    await answer(app.on, at, { ...WHY, outcome: 'handed_over' })
    const log = await app.on.db.withTenant(org.id, (tx) => listAudit(tx, org.id, { limit: 50 }))
    const steps = ['opened', 'paused', 'resumed', 'verified', 'extended', 'closed']
    const told = log.toReversed().map(({ action }) => action)
    expect(told).toEqual(steps.map((step) => `rights.${step}`))
    expect((await desk.find(at)).steps.map(({ step }) => step)).toEqual(steps)
    expect(await receipt()).toContain('The data was handed over.')
    await expect(change(`steps = '[]'`, at)).rejects.toMatchObject({ code: '23514' })
    await expect(verify(app.on, at, 'known')).rejects.toMatchObject({ code: 'closed' })
  })

  test('somebody with an account asks with the password entered lately, and is then known', async () => {
    const person = await desk.org.person('agent')
    const form = { kind: 'access', text: 'What else is there?' }
    const ask = async (authAt: Date): Promise<number> => {
      const cookie = await signInAs(app.on, desk.org, person, authAt.getTime())
      return (await visit(app, { cookie }).post('/settings/privacy/requests', form)).status
    }
    expect(await ask(new Date(now.getTime() - 16 * MINUTE))).toBe(403)
    expect(await ask(now)).toBe(303)
    const found = await app.on.db.withSystem((tx) =>
      rows(tx, 'select org_id, verified_how from privacy_requests where user_id = ?', [person.id]),
    )
    expect(found).toEqual([{ org_id: null, verified_how: 'login' }])
    // The organization hears nothing of what its people ask about themselves.
    expect(await desk.asked()).toEqual([])
  })

  describe('a customer in the chat', () => {
    test.each([
      ['MY DATA', 'access'],
      ['  my   Data. ', 'access'],
      ['MEINE DATEN LOSCHEN', 'erase'],
    ])('who sends %s opens a request: %s', async (text, kind) => {
      await desk.says(text)
      const chat = { road: 'chat', verified_how: 'chat', state: 'open', received_at: now }
      expect(await desk.asked()).toMatchObject([{ ...chat, kind }])
    })

    test.each([
      ['please DELETE MY DATA and tell me when you did', 1],
      ['can you stop by tomorrow', 0],
    ])(
      'whose sentence is “%s” opens %i question, and nothing is erased',
      async (text, questions) => {
        await desk.approve('erase', 'Answer with {code}.')
        await desk.says(text)
        await desk.settle()
        const kinds = (await desk.asked()).map(({ kind }) => kind)
        expect(kinds).toEqual(Array(questions).fill('question'))
        expect([await desk.people(), await desk.sent()]).toEqual([[expect.anything()], []])
      },
    )

    test('is answered in words that the organization approved, and not at all before; its admins hear of it', async () => {
      await desk.says('MY DATA')
      await desk.settle()
      expect(await desk.sent()).toEqual([])
      const [first] = await desk.asked()
      const subject = `Privacy request ${first?.number}`
      expect(await desk.mailTo(desk.admin.email)).toMatchObject([{ subject }])
      await desk.approve('export', 'Your request {number} is due on {due}: {link}')
      await desk.says('EXPORT MY DATA')
      await desk.settle()
      const [text = '', ...more] = await desk.sent()
      const number = (await desk.asked()).at(-1)?.number
      expect(text).toContain(`Your request ${number} is due on 2026-12-20: ${app.url}/privacy/`)
      expect(more).toEqual([])
      const [link = ''] = /\/privacy\/requests\/\S+/.exec(text) ?? []
      expect((await visit(app).get(link)).text).toContain(`${number}</span></h1>`)
    })

    test('who sends STOP gets no more marketing from that moment on, without any request', async () => {
      await desk.says('Stop!')
      const wishes = 'select kind, road from restrictions where org_id = :org'
      expect(await read(app.on, desk.org, wishes)).toEqual([{ kind: 'no_marketing', road: 'chat' }])
      expect([await desk.asked(), await desk.sent()]).toEqual([[], []])
    })

    test('who is delivered twice, or asks again before the answer, has one request', async () => {
      const [{ org }, ana] = [desk, newCustomer()]
      const body = messagesBody(org.connection, ana, messageOf(ana, 'MY DATA'))
      await Promise.all([arrive(app.on, org, body), arrive(app.on, org, body, body)])
      await arrive(app.on, org, messagesBody(org.connection, ana, messageOf(ana, 'my data')))
      expect(await desk.asked()).toHaveLength(1)
    })

    /** Asks to be deleted; answers the code that came. */
    const askDeletion = async (): Promise<string> => {
      await desk.approve('erase', 'Answer with {code}.')
      await desk.says('DELETE MY DATA')
      await desk.settle()
      expect(await desk.people()).toHaveLength(1)
      return desk.code()
    }

    test('is erased when the code comes back within ten minutes, and the request says so afterwards', async () => {
      const code = await askDeletion()
      wait(10 * MINUTE)
      await desk.says(` ${code} `)
      await desk.settle()
      expect(await desk.people()).toEqual([])
      expect(await desk.asked()).toMatchObject([{ outcome: 'erased', contact_id: null }])
      const words = 'select 1 from privacy_request_texts where org_id = :org'
      expect(await read(app.on, desk.org, words)).toEqual([])
    })

    test('is not erased by a code that comes a second too late', async () => {
      const code = await askDeletion()
      wait(10 * MINUTE + SECOND)
      await desk.says(code)
      await desk.settle()
      expect(await desk.people()).toHaveLength(1)
      expect(await desk.asked()).toMatchObject([{ state: 'open', confirmed_at: null }])
    })

    test('has three tries with a code, and the fourth is of no use', async () => {
      const code = await askDeletion()
      for (const text of [otherCode(code), 'hello', otherCode(code), otherCode(code), code])
        await desk.says(text)
      await desk.settle()
      expect(await desk.people()).toHaveLength(1)
      const next = await askDeletion()
      for (const text of [otherCode(next), next]) await desk.says(text)
      await desk.settle()
      expect(await desk.people()).toEqual([])
    })
  })
})
