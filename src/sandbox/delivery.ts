import { request } from 'undici'
import { newId } from '../ids.ts'
import { noteWire, type Delivery, type Line, type Sandbox, type WireEntry } from './state.ts'
import { sign, toBytes } from './wire-format.ts'

/** Something that happened, to be told to the CRM. */
export type News = {
  webhook: object
  /** For the log: kind of thing, such as `messages · text`; no content. */
  about: string
  /** The customer's message whose tick follows. */
  entry?: string
  /** A sent, delivered or read report, which a switch may lose. */
  receipt?: boolean
}

const COPY_AFTER_MS = 150
const SHUFFLE_MS = 1_000
const GIVE_UP_MS = 7 * 86_400_000
const ANSWER_MS = 10_000
/** Meta tries again at once, then ever more rarely; the steps here are those a person in front of it can wait for. */
const AGAIN_MS = [0, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000]

/** Post a webhook to the CRM, as often as it takes to get a 200. */
export function tell(box: Sandbox, line: Line, news: News): void {
  if (!line.subscribed) return
  if (news.receipt && isLost(box, line)) {
    note(box, line, { id: newId(), about: news.about, end: 'dropped', body: news.webhook })
  } else {
    const first = makeDelivery(box, line, news)
    line.waiting.push(first)
    start(box, line, first)
    if (line.switches.twice) {
      const copy = { ...first, id: newId(), copy: true, due: first.due + COPY_AFTER_MS }
      line.waiting.push(copy)
      start(box, line, copy)
    }
  }
  box.changed(line.org)
}

/** Take up what waited when the stand-in was last closed. */
export function resume(box: Sandbox, line: Line): void {
  for (const delivery of line.waiting) schedule(box, line, delivery)
}

/** Deliver what an earlier, longer delay holds back. */
export function release(box: Sandbox, line: Line): void {
  for (const delivery of line.waiting.filter((held) => held.tries === 0)) {
    delivery.due = Math.min(delivery.due, delivery.made + line.switches.delay_seconds * 1_000)
    schedule(box, line, delivery)
  }
}

function isLost(box: Sandbox, { org, switches }: Line): boolean {
  if (switches.drop_receipts === 'quarter') return box.wireOf(org).total % 4 === 0
  return switches.drop_receipts === 'all'
}

function makeDelivery(box: Sandbox, line: Line, news: News): Delivery {
  const made = box.on.now().getTime()
  return {
    id: newId(),
    body: toBytes(news.webhook),
    about: news.about,
    ...(news.entry === undefined ? {} : { entry: news.entry }),
    copy: false,
    made,
    due: line.switches.shuffle ? turned(line, made) : made + line.switches.delay_seconds * 1_000,
    tries: 0,
  }
}

/** All that happens within a second leaves at its end, the last thing first. */
function turned(line: Line, made: number): number {
  const earlier = line.waiting.filter((held) => held.tries === 0 && made - held.made < SHUFFLE_MS)
  const end = (earlier[0]?.made ?? made) + SHUFFLE_MS + line.switches.delay_seconds * 1_000
  return end + Math.max(0, 10 - earlier.length) * 60
}

function start(box: Sandbox, line: Line, delivery: Delivery): void {
  const heldMs = delivery.due - delivery.made
  const held = heldMs >= 1_000 ? ` · held ${Math.round(heldMs / 1_000)} s` : ''
  const about = delivery.about + (delivery.copy ? ' · second copy' : held)
  note(box, line, {
    id: delivery.id,
    about,
    end: 'waiting',
    body: JSON.parse(delivery.body),
  })
  schedule(box, line, delivery)
}

function note(
  box: Sandbox,
  line: Line,
  { id, about, end, body }: { id: string; about: string; end: string; body: unknown },
): WireEntry {
  const at = box.on.now().getTime()
  return noteWire(box.wireOf(line.org), { id, at, way: 'in', what: about, end, body })
}

function schedule(box: Sandbox, line: Line, delivery: Delivery): void {
  box.later(delivery.id, delivery.due - box.on.now().getTime(), () => {
    void attempt(box, line, delivery)
  })
}

async function attempt(box: Sandbox, line: Line, delivery: Delivery): Promise<void> {
  const started = performance.now()
  const answer = await post(box, line, delivery)
  // A reset may have thrown it away meanwhile.
  if (box.isClosed() || !line.waiting.includes(delivery)) return
  const now = box.on.now().getTime()
  const isTaken = answer === '200'
  const isOver = isTaken || now - delivery.made > GIVE_UP_MS
  const wait = AGAIN_MS[Math.min(delivery.tries, AGAIN_MS.length - 1)] ?? 0
  if (isOver) {
    line.waiting.splice(line.waiting.indexOf(delivery), 1)
  } else {
    delivery.tries += 1
    delivery.due = now + wait
    schedule(box, line, delivery)
  }
  const ms = Math.round(performance.now() - started)
  const end = isTaken ? `200 in ${ms} ms` : `${answer}, again in ${Math.ceil(wait / 1_000)} s`
  const known = box.wireOf(line.org).entries.find((entry) => entry.id === delivery.id)
  const { id, about, body } = delivery
  Object.assign(known ?? note(box, line, { id, about, end, body: JSON.parse(body) }), { end })
  moveTick(line, delivery.entry, isTaken)
  box.changed(line.org)
}

/** The status of the answer, or why there was none. */
async function post(box: Sandbox, line: Line, { body }: Delivery): Promise<string> {
  try {
    const answer = await request(`${box.origin}/webhooks/whatsapp/${line.connection}`, {
      method: 'POST',
      signal: AbortSignal.timeout(ANSWER_MS),
      headers: {
        'content-type': 'application/json',
        'user-agent': 'facebookexternalua',
        'x-hub-signature-256': sign(line.appSecret, body),
      },
      body,
    })
    await answer.body.dump()
    return String(answer.statusCode)
  } catch (error) {
    const { code, name } = error as { code?: string; name?: string }
    return code === 'ECONNREFUSED' ? 'refused' : name === 'TimeoutError' ? 'no answer' : 'cut off'
  }
}

function moveTick(line: Line, id: string | undefined, isTaken: boolean): void {
  const entry = line.people.flatMap((person) => person.chat).find((found) => found.id === id)
  if (entry && (entry.status === 'waiting' || entry.status === 'sent'))
    entry.status = isTaken ? 'delivered' : 'sent'
}
