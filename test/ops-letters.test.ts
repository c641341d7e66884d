import { rows } from '../src/db.ts'
import { receive } from '../src/messages/inbound.ts'
import { listDeadLetters, type DeadLetter } from '../src/ops/dead-letters.ts'
import { advanceRuns, askForRun, listRuns, type LetterRun } from '../src/ops/letter-runs.ts'
import type { InboundBody } from '../src/queues.ts'
import { startApp, type Running } from './support/app.ts'
import { newCanary } from './support/canaries.ts'
import { arrive } from './support/inbound.ts'
import { messageOf, messagesBody, newCustomer } from './support/meta.ts'
import type { Org } from './support/org.ts'
import { signInAs } from './support/sign-in.ts'
import { visit, type Visitor } from './support/visitor.ts'

const LETTERS = '/ops/dead-letters'
const NEVER = new AbortController().signal
const ana = newCustomer()

let app: Running
let org: Org
let other: Org
let operator: Visitor
let queued: InboundBody[] = []
beforeAll(async () => {
  app = await startApp({ workers: false })
  app.on.queues.addInbound = (bodies) => {
    queued.push(...bodies)
    return Promise.resolve()
  }
  org = await app.org()
  operator = visit(app, { cookie: await signInAs(app.on, org, org.owner) })
})
afterAll(() => app.stop())
beforeEach(async () => {
  await app.on.db.withSystem(async (tx) => {
    await rows(tx, 'delete from dead_letters')
    await rows(tx, 'delete from letter_runs')
  })
  other = await app.org()
  queued = []
})

/** So many letters of an organization: unreadable ones, or for a number that nobody has. */
const letters = async (of: Org, n: number, kind: 'parse' | 'unknown_number' = 'parse') => {
  const odd = (i: number): object =>
    kind === 'parse'
      ? { entry: `nothing ${i}` }
      : messagesBody({ phoneNumberId: `9990${i}`, wabaId: '1' }, ana, messageOf(ana, `${i}`))
  await arrive(app.on, of, ...Array.from({ length: n }, (_, i) => odd(i)))
}
const kept = (of?: Org): Promise<DeadLetter[]> =>
  listDeadLetters(app.on, { filter: of ? { org: of.id } : {}, limit: 1_000 })
const run = async (): Promise<LetterRun> => {
  const [found] = await app.on.db.withSystem((tx) => listRuns(tx, 1))
  if (!found) throw new Error('no run')
  return found
}
const told = (of: Org): Promise<{ action: string; actor_kind: string; actor_id: string }[]> =>
  app.on.db.withTenant(of.id, (tx) =>
    rows(
      tx,
      `select action, actor_kind, actor_id from audit_log where org_id = ? and action like 'dead_letter.%'`,
      [of.id],
    ),
  )

describe('the list', () => {
  const shown = async (query: string): Promise<number> => {
    const { text } = await operator.get(LETTERS + query)
    return [...text.matchAll(/<li id="letter-/g)].length
  }

  test('is searched by reason, code, organization and day', async () => {
    await letters(org, 3)
    await letters(org, 2, 'unknown_number')
    await letters(other, 1)
    const day = new Date().toISOString().slice(0, 10)
    expect(await shown('')).toBe(6)
    expect(await shown('?reason=parse')).toBe(4)
    const [letter] = await kept(other)
    expect(await shown('?reason=unknown_number')).toBe(2)
    expect(await shown(`?code=${letter?.code}`)).toBe(4)
    expect(await shown('?code=other')).toBe(0)
    expect(await shown(`?org=${other.id}`)).toBe(1)
    expect(await shown('?org=none')).toBe(0)
    expect(await shown(`?from=${day}&to=${day}`)).toBe(6)
    expect(await shown('?from=2999-01-01')).toBe(0)
    expect(await shown('?to=2000-01-01')).toBe(0)
    expect(await shown(`?reason=%27--&code=${encodeURIComponent(`'; drop`)}&org=x&from=soon`)).toBe(
      6,
    )
  })

  test('goes on where a page ends, and misses nothing that came in the same moment', async () => {
    await letters(org, 61)
    const first = (await operator.get(`${LETTERS}?org=${org.id}`)).text
    const [, older = ''] = /id="older" href="([^"]+)"/.exec(first) ?? []
    const second = (await operator.get(older.replaceAll('&amp;', '&'))).text
    const ids = [...(first + second).matchAll(/<li id="letter-([0-9a-f-]+)/g)].map(([, id]) => id)
    expect(ids).toHaveLength(61)
    expect(new Set(ids).size).toBe(61)
  })

  test('and a letter show its shape and never a value', async () => {
    const canary = newCanary()
    await arrive(app.on, org, {
      entry: `nothing ${canary}`,
      more: [{ note: canary, [`The ${canary}`]: 1 }],
    })
    const [letter] = await kept(org)
    const list = (await operator.get(LETTERS)).text
    const one = (await operator.get(`${LETTERS}/${letter?.id}`)).text
    expect(list).toContain('Test shop')
    expect(one).toContain(`text(${canary.length})`)
    expect(one).toContain('once, first on')
    expect(list + one).not.toContain(canary)
  })
})

describe('many at once', () => {
  test('are replayed in batches, each told to its organization, and the page shows how far it is', async () => {
    await letters(org, 70)
    await letters(other, 2)
    await letters(org, 1, 'unknown_number')
    const answer = await operator.post(`${LETTERS}/replays`, { reason: 'parse' })
    expect([answer.status, answer.location]).toEqual([303, LETTERS])
    const waiting = (await operator.get(LETTERS)).text
    expect(waiting).toMatch(/<progress max="72" value="0"/)
    expect(waiting).toContain('reason: not a body that can be read')

    await advanceRuns(app.on, NEVER)
    expect(queued).toHaveLength(72)
    expect(await run()).toMatchObject({ total: 72, done: 72, failed: 0 })
    expect((await run()).finished_at).not.toBeNull()
    expect((await kept()).map(({ reason }) => reason)).toEqual(['unknown_number'])
    const part = await operator.get(`${LETTERS}/runs`, { 'HX-Request-Type': 'partial' })
    expect(part.text).toContain('72 of 72 sent through again')
    expect(part.text).not.toContain('hx-trigger')
    const entries = await told(other)
    expect(entries).toEqual(
      [1, 2].map(() => ({
        action: 'dead_letter.replayed',
        actor_kind: 'operator',
        actor_id: org.owner.id,
      })),
    )
  })

  test('what fails again is a letter again, and is not replayed a second time', async () => {
    await letters(org, 3)
    await askForRun(app.on, { act: 'replay', filter: {}, by: org.owner.id })
    app.on.queues.addInbound = (bodies) => {
      queued.push(...bodies)
      return receive(app.on, bodies)
    }
    await advanceRuns(app.on, NEVER)
    await advanceRuns(app.on, NEVER)
    app.on.queues.addInbound = (bodies) => {
      queued.push(...bodies)
      return Promise.resolve()
    }
    expect(queued).toHaveLength(3)
    expect((await kept()).map(({ attempts }) => attempts)).toEqual([2, 2, 2])
  })

  test('only those that were there when it was asked for are taken', async () => {
    await letters(org, 2)
    await askForRun(app.on, { act: 'discard', filter: {}, by: org.owner.id })
    await letters(org, 1, 'unknown_number')
    await advanceRuns(app.on, NEVER)
    expect((await kept()).map(({ reason }) => reason)).toEqual(['unknown_number'])
    expect(await run()).toMatchObject({ total: 2, done: 2 })
  })

  test('two processes that work at one run never take the same letter', async () => {
    await letters(org, 120)
    await askForRun(app.on, { act: 'replay', filter: {}, by: org.owner.id })
    while ((await run()).finished_at === null)
      await Promise.all([1, 2, 3].map(() => advanceRuns(app.on, NEVER)))
    expect(queued).toHaveLength(120)
    expect(new Set(queued.map(({ sealed }) => sealed)).size).toBe(120)
    expect(await run()).toMatchObject({ done: 120 })
  })

  test('rest while the queue is crowded, and when somebody stops them', async () => {
    await letters(org, 3)
    await operator.post(`${LETTERS}/replays`)
    const depths = await app.on.queues.depths()
    const crowded = { ...depths, inbound: { ...depths.inbound, waiting: 501 } }
    const asked = jest.spyOn(app.on.queues, 'depths').mockResolvedValue(crowded)
    await advanceRuns(app.on, NEVER)
    expect([queued.length, (await run()).finished_at]).toEqual([0, null])
    asked.mockRestore()
    const { id } = await run()
    expect((await operator.post(`${LETTERS}/runs/${id}/stop`)).status).toBe(303)
    await advanceRuns(app.on, NEVER)
    expect(queued).toEqual([])
    expect(await kept()).toHaveLength(3)
    expect((await operator.get(LETTERS)).text).toContain('stopped: 0 of 3')
    expect((await operator.post(`${LETTERS}/runs/${id}/stop`)).status).toBe(409)
  })

  test('are discarded only after a second look and with the password entered lately', async () => {
    await letters(org, 2)
    const sure = (await operator.get(`${LETTERS}/removal?reason=parse`)).text
    expect(sure).toContain('Discard 2 letters?')
    const old = new Date(Date.now() - 3_600_000).getTime()
    const stale = visit(app, { cookie: await signInAs(app.on, org, org.owner, old) })
    expect((await stale.post(`${LETTERS}/removals`, { reason: 'parse' })).text).toContain(
      'password',
    )
    expect(await app.on.db.withSystem((tx) => listRuns(tx, 1))).toEqual([])
    expect((await operator.post(`${LETTERS}/removals`, { reason: 'parse' })).status).toBe(303)
    await advanceRuns(app.on, NEVER)
    expect(await kept()).toEqual([])
    expect(
      (await told(org)).filter(({ action }) => action === 'dead_letter.discarded').length,
    ).toBeGreaterThan(1)
  })

  test('that are like one letter are offered with it', async () => {
    await letters(org, 3)
    await letters(other, 2)
    const [letter] = await kept(org)
    const { text } = await operator.get(`${LETTERS}/${letter?.id}`)
    expect(text).toContain('Replay all 3 like it')
    const form = Object.fromEntries(
      [
        ...(/<form[^>]*replays">[^]*?<\/form>/.exec(text)?.[0] ?? '').matchAll(
          /name="(\w+)" value="([^"]*)"/g,
        ),
      ].map(([, name = '', value = '']) => [name, value]),
    )
    await operator.post(`${LETTERS}/replays`, form)
    await advanceRuns(app.on, NEVER)
    expect([(await kept(org)).length, (await kept(other)).length]).toEqual([0, 2])
  })

  test('need letters to work on', async () => {
    expect((await operator.post(`${LETTERS}/replays`, { reason: 'crash' })).status).toBe(404)
  })
})
