import { createHmac, randomBytes } from 'node:crypto'
import { until } from '../support/until.ts'
import type { FakeGraph } from './graph.ts'
import type { Product } from './processes.ts'

export const CUSTOMERS = 100
export const MESSAGES = 1_000
export const REPLIES = 200

type Keys = { path: string; secret: string; phoneNumberId: string; wabaId: string; bearer: string }
type Row = { id: string; wamid: string | null; direction: string; status: string }
export type Outcome = {
  conversations: number
  received: number
  distinct: number
  calls: number
  callsOnceEach: number
  read: number
  refused: number
}

/** Everything through the contract alone: CLI, webhook, API v1 and a Graph API of our own. */
export async function playStory(
  product: Product,
  graph: FakeGraph,
  during: (what: 'webhooks' | 'replies') => void = () => undefined,
): Promise<Outcome> {
  const keys = await setUp(product)
  let refused = 0
  const post = async (value: object): Promise<void> => {
    refused += await deliver(product.url + keys.path, keys, value)
  }
  during('webhooks')
  await inParallel(
    32,
    Array.from(
      { length: MESSAGES },
      (_, n) => () => post({ contacts: [contact(n)], messages: [message(n)] }),
    ),
  )
  const api = reader(product.url, keys.bearer)
  const conversations = await until(async () => {
    const all = await api.walk<{ id: string }>('/conversations')
    return all.length === CUSTOMERS ? all : undefined
  }, 60_000)
  const received = await until(async () => {
    const rows = await everyMessage(api, conversations)
    return rows.filter((row) => row.direction === 'in').length >= MESSAGES ? rows : undefined
  }, 60_000)

  during('replies')
  await inParallel(
    8,
    Array.from(
      { length: REPLIES },
      (_, n) => () => api.reply(conversations[n % CUSTOMERS]?.id ?? '', `Answer ${n}`),
    ),
  )
  await until(() => graph.calls.length >= REPLIES, 90_000)
  const statuses = graph.calls.flatMap(({ wamid, ref, to }) =>
    ['read', 'delivered', 'sent'].map((status, late) => ({
      id: wamid,
      status,
      timestamp: String(now() - late),
      recipient_id: to.replace('+', ''),
      biz_opaque_callback_data: ref,
    })),
  )
  await inParallel(
    16,
    statuses.map((status) => () => post({ statuses: [status] })),
  )
  const read = await until(async () => {
    const rows = (await everyMessage(api, conversations)).filter(
      (row) => row.direction === 'out' && row.status === 'read',
    )
    return rows.length >= REPLIES ? rows : undefined
  }, 60_000)
  const incoming = received.filter((row) => row.direction === 'in')
  return {
    conversations: conversations.length,
    received: incoming.length,
    distinct: new Set(incoming.map((row) => row.wamid)).size,
    calls: graph.calls.length,
    callsOnceEach: new Set(graph.calls.map((call) => call.ref)).size,
    read: read.length,
    refused,
  }
}

async function setUp(product: Product): Promise<Keys> {
  const org = await product.cli(
    ['org', 'create', '--name', 'Drill shop', '--owner-email', 'owner@example.test'],
    { password: 'nine lanterns over a kettle' },
  )
  const secret = randomBytes(16).toString('hex')
  const phoneNumberId = '10600000000001'
  const wabaId = '20600000000001'
  const connection = await product.cli(
    [
      'connection',
      'create',
      '--org',
      String(org['org_id']),
      '--phone-number-id',
      phoneNumberId,
      '--waba-id',
      wabaId,
    ],
    { access_token: 'a-token', app_secret: secret, verify_token: 'verify-me' },
  )
  const { key } = await product.cli([
    'api-key',
    'create',
    '--org',
    String(org['org_id']),
    '--name',
    'drill',
  ])
  const keys = {
    path: String(connection['webhook_path']),
    secret,
    phoneNumberId,
    wabaId,
    bearer: String(key),
  }
  const shake = `${product.url}${keys.path}?hub.mode=subscribe&hub.verify_token=verify-me&hub.challenge=1158201444`
  await until(async () => (await (await fetch(shake)).text()) === '1158201444')
  return keys
}

/** As Meta does: the same body again until it is taken. Returns how often it was refused. */
async function deliver(url: string, keys: Keys, value: object): Promise<number> {
  const metadata = { display_phone_number: '15550100', phone_number_id: keys.phoneNumberId }
  const change = { field: 'messages', value: { messaging_product: 'whatsapp', metadata, ...value } }
  const body = JSON.stringify({
    object: 'whatsapp_business_account',
    entry: [{ id: keys.wabaId, changes: [change] }],
  })
  const signature = `sha256=${createHmac('sha256', keys.secret).update(body).digest('hex')}`
  const headers = { 'content-type': 'application/json', 'x-hub-signature-256': signature }
  let refused = 0
  await until(async () => {
    const answer = await fetch(url, { method: 'POST', headers, body }).catch(() => undefined)
    await answer?.arrayBuffer()
    if (answer?.status === 200) return true
    refused += 1
    return false
  }, 60_000)
  return refused
}

function reader(url: string, bearer: string) {
  const call = async (path: string, init: RequestInit = {}): Promise<unknown> => {
    const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' }
    const answer = await fetch(`${url}/api/v1${path}`, {
      ...init,
      headers: { ...headers, ...(init.headers as Record<string, string> | undefined) },
    })
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }
  return {
    async walk<T>(path: string): Promise<T[]> {
      const all: T[] = []
      let cursor: string | null = ''
      while (cursor !== null) {
        const page = (await call(
          `${path}?limit=100${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`,
        )) as { data: T[]; next_cursor: string | null }
        all.push(...page.data)
        cursor = page.next_cursor
      }
      return all
    },
    /** Sent again with the same key until it is taken: a retry is not a second message. */
    async reply(conversation: string, text: string): Promise<void> {
      const headers = { 'idempotency-key': `drill-${text}` }
      const body = JSON.stringify({ type: 'text', text: { body: text } })
      await until(
        () => call(`/conversations/${conversation}/messages`, { method: 'POST', headers, body }),
        30_000,
      )
    },
  }
}

async function everyMessage(
  api: ReturnType<typeof reader>,
  conversations: { id: string }[],
): Promise<Row[]> {
  const lists: Row[][] = []
  await inParallel(
    4,
    conversations.map(
      ({ id }) =>
        async () =>
          void lists.push(await api.walk<Row>(`/conversations/${id}/messages`)),
    ),
  )
  return lists.flat()
}

const now = (): number => Math.floor(Date.now() / 1000)
const phone = (n: number): string => `1555${String(1_000_000 + (n % CUSTOMERS))}`
const contact = (n: number): object => ({
  profile: { name: `Customer ${n % CUSTOMERS}` },
  wa_id: phone(n),
})
const message = (n: number): object => ({
  from: phone(n),
  id: `wamid.IN${String(n).padStart(6, '0')}`,
  timestamp: String(now()),
  type: 'text',
  text: { body: `Question ${n}` },
})

async function inParallel(lanes: number, tasks: (() => Promise<unknown>)[]): Promise<void> {
  const waiting = [...tasks]
  const lane = async (): Promise<void> => {
    for (let task = waiting.shift(); task; task = waiting.shift()) await task()
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}
