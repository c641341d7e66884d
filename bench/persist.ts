import { randomBytes } from 'node:crypto'
import { Queue, Worker } from 'bullmq'
import { createConnection } from '../src/connections/connections.ts'
import { rows, type Db } from '../src/db.ts'
import { newId } from '../src/ids.ts'
import type { Resources } from '../src/resources.ts'
import { sealTogether, type Arrival } from '../src/webhooks/sealing.ts'
import { inbound } from '../workers/inbound.ts'
import { newOrganization, openInstallation } from './installation.ts'
import { quantile, signedMessage, type Target } from './load.ts'

const ROUNDS = 5
const MESSAGES = 5_000
/** As many bodies as share a job when webhooks come in a burst. */
const PER_JOB = 64
const LANES = 10
const PATIENCE_MS = 120_000
/** Counting costs the database as much as writing thirty messages does. */
const LOOK_MS = 100

/**
 * From a full queue to committed rows, beside its floor in the same run: a BullMQ worker that takes one message per job
 * and writes contact, conversation and message in a transaction of its own, ten at a time. Both write the same tables
 * of the same database; only the product opens sealed bodies, parses all of WhatsApp's shapes and keeps the feed.
 */
export async function benchPersist(redisUrl: string): Promise<object> {
  const installation = await openInstallation(
    { REDIS_URL: redisUrl, QUEUE_ALLOW_WEAK_DURABILITY: '1' },
    { durable: true },
  )
  const { on } = installation
  try {
    const product = await openProduct(on)
    const floor = await openFloor(on, redisUrl)
    const rounds: { floor: number; product: number }[] = []
    await floor.round()
    await product.round()
    for (let n = 0; n < ROUNDS; n += 1)
      rounds.push({ floor: await floor.round(), product: await product.round() })
    await floor.close()
    const median = (pick: (round: { floor: number; product: number }) => number): number =>
      Math.round(quantile(rounds.map(pick), 0.5))
    return {
      line: `persist, ${MESSAGES} messages from a full queue to committed rows`,
      floor: { perSecond: median((r) => r.floor) },
      product: { perSecond: median((r) => r.product) },
      ratio: rounds
        .map((r) => Math.round((r.product / r.floor) * 10) / 10)
        .toSorted((a, b) => a - b),
    }
  } finally {
    await installation.close()
  }
}

/** `round` answers how many messages a second went from the queue into rows. */
type Way = { round(): Promise<number> }
type Place = { org: string; connection: string; target: Target }

async function openProduct(on: Resources): Promise<Way> {
  const place = await openPlace(on, 'product')
  inbound(on)
  return {
    async round() {
      const { org, connection, target } = place
      const route = on.directory.find(connection)
      if (!route) throw new Error('the connection is not known yet')
      const at = Date.now()
      const arrivals = Array.from({ length: MESSAGES }, (): Arrival => {
        const bytes = Buffer.from(signedMessage(target).body)
        return { org, connection, key: route.key, at, bytes }
      })
      return timed(on, org, async () => {
        for (let n = 0; n < MESSAGES; n += PER_JOB)
          await on.queues.addInbound(sealTogether(arrivals.slice(n, n + PER_JOB)).bodies)
      })
    },
  }
}

async function openFloor(on: Resources, url: string): Promise<Way & { close(): Promise<void> }> {
  const place = await openPlace(on, 'floor')
  const prefix = `floor-${randomBytes(4).toString('hex')}`
  const queue = new Queue('floor', { prefix, connection: { url } })
  const worker = new Worker('floor', (job) => write(on.db, place, job.data as Job), {
    prefix,
    connection: { url },
    concurrency: LANES,
  })
  return {
    async round() {
      const jobs = Array.from({ length: MESSAGES }, () => ({
        name: 'message',
        data: { body: signedMessage(place.target).body },
        // Two that meet the same new person collide: the obvious worker tries again.
        opts: { attempts: 10, removeOnComplete: true },
      }))
      return timed(on, place.org, async () => {
        for (let n = 0; n < MESSAGES; n += 1_000) await queue.addBulk(jobs.slice(n, n + 1_000))
      })
    },
    async close() {
      await worker.close()
      await queue.close()
    },
  }
}

async function openPlace(on: Resources, name: string): Promise<Place> {
  const org = await newOrganization(on, name)
  const secret = randomBytes(16).toString('hex')
  const ids = {
    phoneNumberId: name === 'product' ? '10700000000001' : '10700000000002',
    wabaId: '2',
  }
  const { id } = await createConnection(on, org, {
    ...ids,
    accessToken: 'bench',
    appSecret: secret,
    verifyToken: 'bench',
  })
  return { org, connection: id, target: { origin: '', path: '', secret, ...ids } }
}

/** Both ways read while they are being filled; the clock stands for the slower of the two, which is the reading. */
async function timed(on: Resources, org: string, fill: () => Promise<void>): Promise<number> {
  const before = await countOf(on, org)
  const started = performance.now()
  await fill()
  while ((await countOf(on, org)) < before + MESSAGES) {
    if (performance.now() - started > PATIENCE_MS) throw new Error('not all messages were written')
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
  return (MESSAGES * 1_000) / (performance.now() - started)
}

async function countOf(on: Resources, org: string): Promise<number> {
  const [found] = await on.db.withTenant(org, (tx) =>
    rows<{ n: number }>(tx, 'select count(*)::int as n from messages where org_id = ?', [org]),
  )
  return found?.n ?? 0
}

type Job = { body: string }
type Body = {
  entry: {
    changes: {
      value: {
        contacts: { profile: { name: string } }[]
        messages: { from: string; id: string; timestamp: string; text: { body: string } }[]
      }
    }[]
  }[]
}

async function write(db: Db, { org, connection }: Place, { body }: Job): Promise<void> {
  const value = (JSON.parse(body) as Body).entry[0]?.changes[0]?.value
  const [message, person] = [value?.messages[0], value?.contacts[0]]
  if (!message || !person) throw new Error('no message')
  const { from, text, id: wamid, timestamp } = message
  await db.withTenant(org, async (tx) => {
    const [known] = await rows<{ id: string }>(
      tx,
      `select contact_id as id from contact_identities where org_id = ? and kind = 'phone' and value = ?`,
      [org, from],
    )
    const contact = known?.id ?? newId()
    if (!known) {
      const { name } = person.profile
      await rows(tx, `insert into contacts (org_id, id, name, search_name) values (?, ?, ?, ?)`, [
        org,
        contact,
        name,
        name,
      ])
      await rows(
        tx,
        `insert into contact_identities (org_id, kind, value, contact_id) values (?, 'phone', ?, ?)`,
        [org, from, contact],
      )
    }
    const at = new Date(Number(timestamp) * 1_000)
    const [conversation] = await rows<{ id: string }>(
      tx,
      `insert into conversations as c (org_id, id, contact_id, connection_id, last_message_at, last_message_preview, unread)
       values (?, ?, ?, ?, ?, ?, 1)
       on conflict (org_id, connection_id, contact_id) do update
          set unread = c.unread + 1, last_message_at = excluded.last_message_at, last_message_preview = excluded.last_message_preview
       returning id`,
      [org, newId(), contact, connection, at, text.body.slice(0, 120)],
    )
    await rows(
      tx,
      `insert into messages (org_id, id, conversation_id, direction, kind, text, wamid, status, created_at)
       values (?, ?, ?, 'in', 'text', ?, ?, 'received', ?) on conflict (org_id, wamid) do nothing`,
      [org, newId(), conversation?.id ?? '', text.body, wamid, at],
    )
  })
}
