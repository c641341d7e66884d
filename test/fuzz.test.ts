import fc from 'fast-check'
import { rows } from '../src/db.ts'
import { parseBody } from '../src/messages/parse.ts'
import { receive } from '../src/messages/inbound.ts'
import type { Update } from '../src/messages/updates.ts'
import { startApp, type Running } from './support/app.ts'
import { openCorpus } from './support/corpus.ts'
import { read, sealedBody } from './support/inbound.ts'
import { bodyAround, messageOf, messagesBody, newCustomer } from './support/meta.ts'

const NOW = new Date('2026-11-24T10:00:00Z')
const NUMBER = { phoneNumberId: '118822773344', wabaId: '900' }

/** Real webhooks where there are any, else some of our own. */
const corpus = openCorpus('webhooks')
const ana = newCustomer()
const seeds: unknown[] =
  corpus.files.length > 0
    ? corpus.files
        .filter((file) => !file.includes('batch-1000'))
        .map((file) => JSON.parse(corpus.bytes(file).toString()) as unknown)
    : [
        messagesBody(NUMBER, ana, messageOf(ana, 'hello')),
        bodyAround(NUMBER, { statuses: [{ id: 'w', status: 'read' }] }),
        bodyAround(NUMBER, { calls: [{ id: 'c', event: 'connect', from: '15550100' }] }, 'calls'),
        bodyAround(
          NUMBER,
          { event: 'ACCOUNT_RESTRICTION', restriction_info: [{}] },
          'account_update',
        ),
      ]

const ODD = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -1,
    1e21,
    '',
    ' ',
    '\u0000',
    '\ud800',
    [],
    {},
    [[]],
    [null],
    { __proto__: null },
  ),
  fc.string({ maxLength: 40, unit: 'binary' }),
  fc.double(),
  fc.jsonValue({ maxDepth: 3 }),
)

/** A body with some of its parts replaced, taken away or doubled, wherever they lie. */
const mutated = fc
  .record({
    seed: fc.constantFrom(...seeds),
    changes: fc.array(
      fc.record({ where: fc.nat(), how: fc.constantFrom('replace', 'remove', 'double'), by: ODD }),
      { minLength: 1, maxLength: 6 },
    ),
  })
  .map(({ seed, changes }) => {
    const body = structuredClone(seed)
    for (const { where, how, by } of changes) change(body, where, how, by)
    return body
  })

type Place = { holder: Record<string, unknown>; name: string }
function placesIn(value: unknown, found: Place[] = []): Place[] {
  if (typeof value !== 'object' || value === null) return found
  const holder = value as Record<string, unknown>
  for (const name of Object.keys(holder)) {
    found.push({ holder, name })
    placesIn(holder[name], found)
  }
  return found
}

function change(body: unknown, where: number, how: string, by: unknown): void {
  const places = placesIn(body)
  const place = places[where % Math.max(places.length, 1)]
  if (!place) return
  const { holder, name } = place
  if (how === 'remove') delete holder[name]
  else if (how === 'double') holder[`${name}_again`] = holder[name]
  else holder[name] = by
}

const jsonOf = (body: unknown): string =>
  JSON.stringify(
    typeof body === 'object' && body !== null && !Array.isArray(body) ? body : { entry: body },
  )

test('the parser never throws and gives back only what it says, whatever is done to a webhook', () => {
  fc.assert(
    fc.property(mutated, (body) => {
      const started = performance.now()
      const updates = parseBody(jsonOf(body), NOW)
      for (const update of updates) {
        expect(['message', 'status', 'book', 'notice', 'problem']).toContain(update.type)
      }
      expect(updates.filter(isAmiss)).toEqual([])
      // Far above what it takes, far below what a loop would.
      expect(performance.now() - started).toBeLessThan(2_000)
    }),
    { numRuns: 1_500 },
  )
})

/** A message without a time that is one, or a problem without a code that says which. */
const isAmiss = (update: Update): boolean =>
  (update.type === 'message' && !Number.isFinite(update.at.getTime())) ||
  (update.type === 'problem' && !/^[a-z_]{1,60}$/.test(update.code))

describe('through the worker', () => {
  let app: Running
  beforeAll(async () => {
    app = await startApp({ workers: false })
  })
  afterAll(() => app.stop())

  test('every JSON object ends as rows or a dead letter with its reason, and in no other organization', async () => {
    const [org, other] = [await app.org(), await app.org()]
    const bodies = fc.sample(mutated, { numRuns: 120, seed: 7 }).map(jsonOf)
    const before = await counts(app, org.id)
    await receive(
      app.on,
      bodies.map((body) => sealedBody(app.on, org.connection, aimed(body, org.connection))),
    )
    const after = await counts(app, org.id)
    expect(after).toBeGreaterThan(before)
    expect(await counts(app, other.id)).toBe(0)
    const letters = await app.on.db.withSystem((tx) =>
      rows<{ reason: string; code: string | null }>(
        tx,
        'select reason, code from dead_letters where org_id = ?',
        [org.id],
      ),
    )
    for (const { reason } of letters)
      expect(['parse', 'other', 'unknown_number', 'data']).toContain(reason)
    expect(
      letters.filter(({ reason, code }) => reason !== 'unknown_number' && code === null),
    ).toEqual([])
    expect(
      await read(app.on, org, 'select id from messages where org_id = :org and created_at is null'),
    ).toEqual([])
  })
})

/** The body with the number of the organization wherever it named one. */
const aimed = (
  body: string,
  { phoneNumberId, wabaId }: { phoneNumberId: string; wabaId: string },
): string => body.replaceAll('106540352242922', phoneNumberId).replaceAll('102290129340398', wabaId)

/** Rows of everything that a webhook can leave behind. */
async function counts(app: Running, org: string): Promise<number> {
  const [own] = await app.on.db.withTenant(org, (tx) =>
    rows<{ n: number }>(
      tx,
      `select (select count(*) from messages where org_id = :org) + (select count(*) from message_events where org_id = :org)
            + (select count(*) from notices where org_id = :org) + (select count(*) from contacts where org_id = :org) as n`,
      { org },
    ),
  )
  const [letters] = await app.on.db.withSystem((tx) =>
    rows<{ n: number }>(tx, 'select count(*) as n from dead_letters where org_id = ?', [org]),
  )
  return (own?.n ?? 0) + (letters?.n ?? 0)
}
