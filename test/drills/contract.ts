import { createHmac, randomBytes } from 'node:crypto'
import { until } from '../support/until.ts'
import type { Product } from './processes.ts'

export type Keys = {
  path: string
  secret: string
  phoneNumberId: string
  wabaId: string
  bearer: string
}

/** An organization with one connection and an API key, known to the web process. */
export async function setUp(product: Product): Promise<Keys> {
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
export async function deliver(url: string, keys: Keys, value: object): Promise<number> {
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

export function reader(url: string, bearer: string) {
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
        90_000,
      )
    },
  }
}

export async function inParallel(lanes: number, tasks: (() => Promise<unknown>)[]): Promise<void> {
  const waiting = [...tasks]
  const lane = async (): Promise<void> => {
    for (let task = waiting.shift(); task; task = waiting.shift()) await task()
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}
