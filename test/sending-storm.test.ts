import { randomInt } from 'node:crypto'
import { rows } from '../src/db.ts'
import { useDesk } from './support/desk.ts'
import type { GraphCall, Reply } from './support/graph.ts'
import { arrive } from './support/inbound.ts'
import { bodyAround, statusOf } from './support/meta.ts'
import { seeded } from './support/order.ts'
import type { Org } from './support/org.ts'
import { openTalk, type Talk } from './support/talk.ts'

jest.setTimeout(180_000)

const desk = useDesk({ postTimeoutMs: 200 })

/** Answers that have taken the message, and answers that have not; the rest says `ok`. */
const TAKEN: Reply[] = ['hang', 'reset', 'lost']
const REFUSED: Reply[] = [
  { code: 130429, status: 429 },
  { status: 429, headers: { 'retry-after': '1' } },
  { code: 131000, status: 500 },
  { status: 500, text: '<html>no error of the Graph API</html>' },
  { code: 131026 },
]

/** A WhatsApp that is troubled by chance, and remembers what it took. */
function troubled(chance: () => number): { decide(call: GraphCall): Reply; taken: GraphCall[] } {
  const taken: GraphCall[] = []
  const pick = (from: Reply[]): Reply => from[Math.floor(chance() * from.length)] ?? 'ok'
  return {
    taken,
    decide(call) {
      const luck = chance()
      if (luck < 0.2) return pick(REFUSED)
      taken.push(call)
      return luck < 0.26 ? pick(TAKEN) : 'ok'
    },
  }
}

type Row = { id: string; conversation_id: string; ord: number; status: string; rank: number }

const outcomes = (org: Org): Promise<Row[]> =>
  desk.app.on.db.withTenant(org.id, (tx) =>
    rows<Row>(
      tx,
      `select m.id, m.conversation_id, o.ord, m.status, m.rank
         from outbox o join messages m on m.org_id = o.org_id and m.id = o.message_id where o.org_id = ? order by o.ord`,
      [org.id],
    ),
  )

/** What the clock would do: what waits is due. What is in doubt lets later messages pass after a minute. */
const passTime = (org: Org): Promise<unknown> =>
  desk.app.on.db.withTenant(org.id, async (tx) => {
    await rows(
      tx,
      `update outbox set due_at = now() where org_id = ? and state in ('pending', 'retry')`,
      [org.id],
    )
    await rows(
      tx,
      `update outbox set hold_until = now() - interval '1 second' where org_id = ? and state = 'unknown'`,
      [org.id],
    )
  })

async function sendAll(org: Org, talk: Talk): Promise<void> {
  const left = async (): Promise<number> =>
    (await outcomes(org)).filter(({ rank, status }) => rank < 10 && status !== 'cancelled').length
  for (let look = 0; (await left()) > 0; look += 1) {
    if (look > 400) throw new Error(`${await left()} messages are still waiting`)
    await desk.drained(talk)
    await passTime(org)
  }
}

/** WhatsApp reports what it has, also of messages whose answer nobody heard; twice, in any order. */
async function report(org: Org, taken: GraphCall[], chance: () => number): Promise<void> {
  const statuses = taken
    .flatMap(({ wamid, ref }) =>
      ['sent', 'delivered', 'sent'].map((status) =>
        statusOf(wamid, status, new Date(), { biz_opaque_callback_data: ref }),
      ),
    )
    .toSorted(() => chance() - 0.5)
  for (let at = 0; at < statuses.length; at += 200)
    await arrive(
      desk.app.on,
      org,
      bodyAround(org.connection, { statuses: statuses.slice(at, at + 200) }),
    )
}

const twice = (taken: GraphCall[]): number =>
  taken.length - new Set(taken.map(({ ref }) => ref)).size

async function fastOrg(): Promise<Org> {
  const org = await desk.app.org()
  await desk.app.on.db.withTenant(org.id, (tx) =>
    rows(tx, 'update connections set throughput = 1000 where org_id = ?', [org.id]),
  )
  return org
}

test('1,000 messages through a troubled WhatsApp: none twice, each in its true state, each conversation in order', async () => {
  const seed = randomInt(1, 1_000_000)
  const chance = seeded(seed)
  const org = await fastOrg()
  const talks = await Promise.all(Array.from({ length: 50 }, () => openTalk(desk.app.on, org)))
  for (let n = 0; n < 20; n += 1) await Promise.all(talks.map((talk) => talk.say(`${n}`)))
  const whatsapp = troubled(chance)
  desk.graph.decide(whatsapp.decide)
  await sendAll(org, talks[0] as Talk)
  const before = await outcomes(org)
  await report(org, whatsapp.taken, chance)
  const after = await outcomes(org)
  const wasTaken = new Set(whatsapp.taken.map(({ ref }) => ref))
  const place = new Map(whatsapp.taken.map(({ ref }, n) => [ref, n]))
  const wrong = after.filter(({ id, status }) =>
    wasTaken.has(id) ? status !== 'delivered' : !['failed', 'unknown'].includes(status),
  )
  const overtaken = talks.flatMap((talk) => {
    const sent = after.filter((row) => row.conversation_id === talk.id && wasTaken.has(row.id))
    return sent.filter(
      (row, n) => n > 0 && (place.get(row.id) ?? 0) < (place.get(sent[n - 1]?.id ?? '') ?? 0),
    )
  })
  process.stdout.write(
    `seed ${seed}: ${desk.graph.calls.length} calls, ${whatsapp.taken.length} taken, ` +
      `${before.filter(({ status }) => status === 'unknown').length} in doubt before the reports, ` +
      `twice ${twice(whatsapp.taken)}, wrong ${wrong.length}, overtaken ${overtaken.length}\n`,
  )
  expect(after).toHaveLength(1_000)
  expect(desk.graph.calls.length).toBeGreaterThan(1_000)
  expect(before.some(({ id, status }) => status === 'unknown' && wasTaken.has(id))).toBe(true)
  expect([twice(whatsapp.taken), wrong, overtaken]).toEqual([0, [], []])
})

test('control: a worker that sends what is in doubt once more is found out', async () => {
  const org = await fastOrg()
  const talk = await openTalk(desk.app.on, org)
  const whatsapp = troubled(() => 0.2)
  desk.graph.decide(whatsapp.decide)
  const { id } = await talk.say('Hello')
  await desk.drained(talk)
  await talk.outboxIs(id, `state = 'pending', due_at = now(), hold_until = null`)
  await desk.drained(talk)
  expect(twice(whatsapp.taken)).toBe(1)
})
