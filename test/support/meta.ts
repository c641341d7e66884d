import { createHmac, randomBytes } from 'node:crypto'
import type { TestConnection } from './org.ts'

type Loose = Record<string, unknown>

/** A customer as WhatsApp describes one: some have no number, some no username. */
export type Customer = { phone?: string; userId?: string; name?: string; username?: string }

let people = 0

/** A customer nobody else in this run is. */
export function newCustomer(): Customer & { phone: string } {
  people += 1
  const digits = `${process.pid % 1000}`.padStart(3, '2')
  return { phone: `1555${digits}${String(people).padStart(4, '0')}`, name: `Customer ${people}` }
}

export const newWamid = (): string => `wamid.${randomBytes(12).toString('hex')}`
export const seconds = (at: Date): string => String(Math.floor(at.getTime() / 1000))

/** A message of the `messages` array, `text` unless `more` says otherwise. */
export const messageOf = (from: Customer, text: string, more: Loose = {}): Loose => ({
  ...(from.phone ? { from: from.phone } : {}),
  ...(from.userId ? { from_user_id: from.userId } : {}),
  id: newWamid(),
  timestamp: seconds(new Date()),
  type: 'text',
  ...(more['type'] ? {} : { text: { body: text } }),
  ...more,
})

const contactOf = ({ phone, userId, name, username }: Customer): Loose => ({
  profile: { ...(name ? { name } : {}), ...(username ? { username } : {}) },
  ...(phone ? { wa_id: phone } : {}),
  ...(userId ? { user_id: userId } : {}),
})

type Number = Pick<TestConnection, 'phoneNumberId' | 'wabaId'>

/** A whole webhook body around the `value` of one change, of `messages` unless told. */
export const bodyAround = (number: Number, value: Loose, field = 'messages'): Loose => ({
  object: 'whatsapp_business_account',
  entry: [
    {
      id: number.wabaId,
      changes: [
        {
          field,
          value: {
            messaging_product: 'whatsapp',
            metadata: {
              display_phone_number: '15550100',
              phone_number_id: number.phoneNumberId,
            },
            ...value,
          },
        },
      ],
    },
  ],
})

export const messagesBody = (number: Number, from: Customer, ...messages: Loose[]): Loose =>
  bodyAround(number, { contacts: [contactOf(from)], messages })

export const statusOf = (wamid: string, status: string, at: Date, more: Loose = {}): Loose => ({
  id: wamid,
  status,
  timestamp: seconds(at),
  recipient_id: '15550123',
  ...more,
})

/** What WhatsApp delivers of one person at a moment: messages under all their identities, and receipts of one to them. */
export function recordedOf(number: Number, who: Customer & { phone: string }, now: Date): Loose[] {
  const from = { ...who, userId: 'US.13491208655302741918', username: 'somebody.new' }
  const at = { timestamp: seconds(now) }
  const first = messageOf(from, 'Hello', at)
  const reaction = { message_id: first['id'], emoji: '👍' }
  return [
    messagesBody(number, from, first),
    messagesBody(number, from, messageOf(from, 'Are you there?', at)),
    messagesBody(number, from, messageOf(from, '', { ...at, type: 'reaction', reaction })),
    ...['sent', 'delivered', 'read'].map((status) =>
      bodyAround(number, {
        statuses: [statusOf('wamid.ours', status, now, { recipient_id: who.phone })],
      }),
    ),
  ]
}

export const signed = (secret: string, body: string | Buffer): string =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`

/** Post a body as Meta does, rightly signed unless `headers` say otherwise. */
export function postWebhook(
  url: string,
  connection: Pick<TestConnection, 'id' | 'appSecret'>,
  body: Loose | string | Buffer,
  headers: Record<string, string> = {},
): Promise<Response> {
  const bytes = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
  return fetch(`${url}/webhooks/whatsapp/${connection.id}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-hub-signature-256': signed(connection.appSecret, bytes),
      ...headers,
    },
    body: typeof bytes === 'string' ? bytes : new Uint8Array(bytes),
  })
}
