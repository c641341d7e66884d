import { createHmac } from 'node:crypto'

export const SECRET = 'test-app-secret'

/** What a callback of Meta is about, issued just now. */
export const contentOf = (user: string, age = 0): object => ({
  user_id: user,
  algorithm: 'HMAC-SHA256',
  issued_at: Math.floor(Date.now() / 1_000) - age,
})

const mac = (secret: string, over: string): string =>
  createHmac('sha256', secret).update(over).digest('base64url')
const encoded = (what: object): string => Buffer.from(JSON.stringify(what)).toString('base64url')

/** As Meta signs it: over the encoded payload, with the app's secret. */
export const sign = (what: object, secret = SECRET): string =>
  `${mac(secret, encoded(what))}.${encoded(what)}`

const fields = (...pairs: [string, string][]): RequestInit => ({ body: new URLSearchParams(pairs) })
const of = (signed_request: string): RequestInit => fields(['signed_request', signed_request])

/** Requests that are none, each with the status it is answered with. */
export function refusedRequests(user: string): [what: string, status: number, body: RequestInit][] {
  const content = contentOf(user)
  const good = sign(content)
  const [signature = '', payload = ''] = good.split('.')
  const asJson = {
    body: JSON.stringify({ signed_request: good }),
    headers: { 'content-type': 'application/json' },
  }
  return [
    ['another secret', 400, of(sign(content, 'another-secret'))],
    ['no secret', 400, of(sign(content, ''))],
    ['a changed payload', 400, of(`${signature}.${encoded(contentOf('99'))}`)],
    [
      'a signature over the decoded payload',
      400,
      of(`${mac(SECRET, JSON.stringify(content))}.${payload}`),
    ],
    ['another algorithm', 400, of(sign({ ...content, algorithm: 'HMAC-SHA1' }))],
    ['no algorithm', 400, of(sign({ ...content, algorithm: 'none' }))],
    ['no dot', 400, of(signature + payload)],
    ['a dot too many', 400, of(`${good}.`)],
    ['a letter that a decoder skips', 400, of(`${good}!`)],
    ['a signature cut short', 400, of(`${signature.slice(0, 40)}.${payload}`)],
    ['one of the day before yesterday', 400, of(sign(contentOf(user, 2 * 86_400)))],
    ['one of the future', 400, of(sign(contentOf(user, -600)))],
    ['two at once', 400, fields(['signed_request', good], ['signed_request', good])],
    ['a parameter with brackets', 400, fields(['signed_request[]', good])],
    ['JSON', 400, asJson],
    ['nothing', 400, fields()],
    ['a huge one', 413, of(`${signature}.${payload.repeat(200)}`)],
  ]
}

export const postSigned = (url: string, signed_request: string): Promise<Response> =>
  fetch(url, { method: 'POST', ...of(signed_request) })

export const codeIn = async (answer: Response): Promise<string> =>
  ((await answer.json()) as { confirmation_code: string }).confirmation_code

/** An app as the list of those that are subscribed to an account names it. */
export const appNamed = (id: string) => ({ whatsapp_business_api_data: { id, name: 'An app' } })

/** Meta's word about an account, by webhook; `time` in Unix seconds is just ahead unless told. */
export const accountUpdate = (
  value: object,
  time = Math.ceil(Date.now() / 1_000) + 1,
): Record<string, unknown> => ({
  object: 'whatsapp_business_account',
  entry: [{ id: '9', time, changes: [{ field: 'account_update', value }] }],
})
