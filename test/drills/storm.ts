import { until } from '../support/until.ts'
import { ask } from './postgres.ts'
import type { Product } from './processes.ts'
import {
  ENDS,
  messagePiece,
  type Piece,
  type Size,
  type Sky,
  type StormGraph,
} from './storm-meta.ts'
import { deliver, inParallel, reader, type Keys } from './contract.ts'

const SENDERS = 6
const PATIENCE_MS = 120_000

export type Report = {
  /** Messages that WhatsApp delivered or took and that have no row. */
  lost: number
  /** Rows, events and calls beyond one for each. */
  duplicated: number
  /** Replies whose row does not say how they ended, and people whose count of unread messages is off. */
  wrong: number
  deadLetters: number
  refused: number
  delivered: number
}

export type Storm = { product: Product; graph: StormGraph; sky: Sky; database: string; keys: Keys }

/** Fill the sky with what customers write, numbered from `first`, and with copies until `updates` deliveries stand in it. */
export function gather(sky: Sky, { people, messages, updates }: Size, first = 0): void {
  const piece = (n: number): Piece => messagePiece(first + (n % messages), people)
  for (let n = 0; n < messages; n += 1) sky.add(piece(n), 1)
  for (let n = 0; sky.left < updates; n += 1) sky.add(piece(n), 1)
}

/**
 * Deliver everything, as Meta does: several webhooks at once, each again until it is taken. Meanwhile the replies are
 * asked for. `passed` hears of every webhook that was taken, with the share of the storm that is over.
 */
export async function blow(
  storm: Storm,
  size: Size,
  passed: (share: number) => void,
): Promise<number> {
  let refused = 0
  const replying = new Set(['replies'])
  const send = async (pieces: Piece[]): Promise<void> => {
    refused += await deliver(storm.product.url + storm.keys.path, storm.keys, valueOf(pieces))
    storm.sky.delivered += pieces.length
    passed(storm.sky.delivered / size.updates)
  }
  const sender = async (): Promise<void> => {
    while (replying.size > 0 || storm.sky.left > 0) {
      const pieces = storm.sky.take()
      if (pieces.length > 0) await send(pieces)
      else await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  const replies = reply(storm, size).finally(() => replying.clear())
  await Promise.all([replies, ...Array.from({ length: SENDERS }, sender)])
  return refused
}

function valueOf(pieces: Piece[]): object {
  const of = (kind: Piece['kind']): object[] =>
    pieces.flatMap((piece) => (piece.kind === kind ? [piece.value] : []))
  const people = [...new Set(pieces.map(({ who }) => who))]
  const contacts = people.map((who) => ({ profile: { name: `Customer ${who}` }, wa_id: who }))
  return { contacts, messages: of('messages'), statuses: of('statuses') }
}

/** To those who wrote, as programs do: by the API, again with the same key until it is taken. Ends when all went out. */
async function reply({ product, graph, keys }: Storm, { people, replies }: Size): Promise<void> {
  const api = reader(product.url, keys.bearer)
  const conversations = await until(async () => {
    const all = await api.walk<{ id: string }>('/conversations')
    return all.length >= people ? all : undefined
  }, PATIENCE_MS)
  await inParallel(
    4,
    Array.from({ length: replies }, (_, n) => () => {
      const conversation = conversations[n % conversations.length]?.id ?? ''
      return api.reply(conversation, `Answer ${n}`)
    }),
  )
  await until(() => new Set(graph.calls.map(({ text }) => text)).size >= replies, PATIENCE_MS)
}

/** Wait until nothing changes any more, then count. */
export async function settle(storm: Storm, size: Size, refused: number): Promise<Report> {
  await until(async () => {
    const [found] = await count(storm)
    return found && found.distinct >= size.messages && found.ended >= size.replies
  }, PATIENCE_MS).catch(() => undefined)
  await until(() => isQuiet(storm.product), PATIENCE_MS)
  const [found] = await count(storm)
  if (!found) throw new Error('nothing to count')
  const calls = storm.graph.calls.length - new Set(storm.graph.calls.map(({ ref }) => ref)).size
  return {
    lost: size.messages - found.distinct + (size.replies - found.replies),
    duplicated:
      found.incoming - found.distinct + found.twice + calls + (found.contacts - size.people),
    wrong: found.wrong + found.miscounted,
    deadLetters: found.letters,
    refused,
    delivered: storm.sky.delivered,
  }
}

/** A copy that is still in the queue could become a second row. */
export async function isQuiet({ cli }: Product): Promise<boolean> {
  const status = (await cli(['queues', 'status'])) as { queues: { inbound: Depths } }
  const { waiting, active, delayed } = status.queues.inbound
  return waiting + active + delayed === 0
}

type Depths = { waiting: number; active: number; delayed: number }
type Counts = {
  incoming: number
  distinct: number
  replies: number
  ended: number
  twice: number
  contacts: number
  wrong: number
  miscounted: number
  letters: number
}

const count = ({ database }: Storm): Promise<Counts[]> =>
  ask<Counts>(
    database,
    `with own as (select m.*, split_part(m.wamid, '~', 1) as true_wamid from messages m),
          out as (select o.*, (array[${ENDS.map((end) => `'${end}'`).join(',')}])[split_part(o.text, ' ', 2)::int % ${ENDS.length} + 1] as due
                    from own o where o.direction = 'out')
     select count(*) filter (where direction = 'in')::int as incoming,
            count(distinct true_wamid) filter (where direction = 'in')::int as distinct,
            (select count(*) from out)::int as replies,
            (select count(*) from out where status = due)::int as ended,
            (select count(*) from out where status is distinct from due)::int as wrong,
            (select count(*) - count(distinct (wamid, status)) from message_events)::int as twice,
            (select count(*) from contacts)::int as contacts,
            (select count(*) from dead_letters)::int as letters,
            (select count(*) from conversations c
              where c.unread > (select count(*) from own m where m.conversation_id = c.id and m.direction = 'in'))::int as miscounted
       from own`,
  )

/** Each message gets a name of its own, those that are there and those to come, so that nothing tells copies apart. */
export async function forgetNames(database: string): Promise<void> {
  await ask(database, 'create sequence copies')
  await ask(
    database,
    `create function rename_copy() returns trigger language plpgsql security definer as
       $$ begin new.wamid := new.wamid || '~' || nextval('app.copies'); return new; end $$`,
  )
  await ask(
    database,
    `create trigger rename_copy before insert on messages for each row
       when (new.direction = 'in') execute function rename_copy()`,
  )
  await ask(database, `update messages set wamid = wamid || '~' where direction = 'in'`)
}
