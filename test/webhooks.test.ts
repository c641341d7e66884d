import { gzipSync } from 'node:zlib'
import type { InboundBody } from '../src/queues.ts'
import { BACKENDS, startApp, type Running } from './support/app.ts'
import { picture, read } from './support/inbound.ts'
import {
  messageOf,
  messagesBody,
  newCustomer,
  postWebhook,
  seconds,
  signed,
} from './support/meta.ts'
import { shuffled } from './support/order.ts'
import type { Org } from './support/org.ts'
import { until } from './support/until.ts'

describe.each(BACKENDS)('webhooks over %s', (backend) => {
  let app: Running
  let org: Org
  beforeAll(async () => {
    app = await startApp({ backend, env: { META_VERIFY_TOKEN: 'shared-token' } })
    org = await app.org()
  })
  afterAll(() => app.stop())

  const ana = newCustomer()
  const textBody = (text: string, more = {}): object =>
    messagesBody(org.connection, ana, messageOf(ana, text, more))
  const post = (
    body: object | string | Buffer,
    headers: Record<string, string> = {},
  ): Promise<Response> => postWebhook(app.url, org.connection, body as never, headers)
  const texts = async (of = org): Promise<(string | null)[]> => {
    const found = await read<{ text: string | null }>(
      app.on,
      of,
      'select text from messages where org_id = :org',
    )
    return found.map(({ text }) => text)
  }

  describe('the handshake', () => {
    const shake = (query: Record<string, string>, id = org.connection.id): Promise<Response> =>
      fetch(`${app.url}/webhooks/whatsapp/${id}?${new URLSearchParams(query).toString()}`)
    const right = (): Record<string, string> => ({
      'hub.mode': 'subscribe',
      'hub.verify_token': org.connection.verifyToken,
      'hub.challenge': '1158201444',
    })

    test('echoes the challenge as plain text and is noted on the connection', async () => {
      const answer = await shake(right())
      expect(answer.status).toBe(200)
      expect(await answer.text()).toBe('1158201444')
      expect(answer.headers.get('content-type')).toMatch(/^text\/plain/)
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
      await until(async () => {
        const [row] = await read(
          app.on,
          org,
          `select settings ->> 'handshake_at' as at from connections where org_id = :org`,
        )
        return row?.['at']
      })
    })

    test.each([
      ['a wrong token', { 'hub.verify_token': 'guess' }],
      ['no token', { 'hub.verify_token': '' }],
      ['another mode', { 'hub.mode': 'unsubscribe' }],
      ['a challenge with markup', { 'hub.challenge': '<script>' }],
      ['no challenge', { 'hub.challenge': '' }],
    ])('refuses %s', async (_what, wrong) => {
      const answer = await shake({ ...right(), ...wrong })
      expect(answer.status).toBe(403)
      expect(await answer.text()).toBe('')
    })

    test('refuses a repeated parameter and an unknown connection', async () => {
      const query = `${new URLSearchParams(right()).toString()}&hub.challenge=2`
      expect(
        (await fetch(`${app.url}/webhooks/whatsapp/${org.connection.id}?${query}`)).status,
      ).toBe(403)
      expect((await shake(right(), '019ab3c4-0000-7000-8000-000000000001')).status).toBe(403)
      expect((await shake(right(), 'nobody')).status).toBe(403)
    })

    test('of the shared callback takes the instance’s token', async () => {
      const at = (token: string): Promise<Response> =>
        fetch(
          `${app.url}/webhooks/whatsapp?${new URLSearchParams({ ...right(), 'hub.verify_token': token }).toString()}`,
        )
      expect((await at('shared-token')).status).toBe(200)
      expect((await at(org.connection.verifyToken)).status).toBe(403)
    })
  })

  test('a rightly signed message is answered 200 and stored, with every byte of it', async () => {
    const escaped = JSON.stringify(textBody('Grüße 👍'))
      .replace('ü', '\\u00fc')
      .replaceAll('/', '\\/')
    const answer = await post(escaped)
    expect([answer.status, await answer.text()]).toEqual([200, ''])
    await until(async () => (await texts()).includes('Grüße 👍'))
  })

  describe('is answered 401', () => {
    const body = (): string => JSON.stringify(textBody('never stored'))
    const right = (bytes: string): string => signed(org.connection.appSecret, bytes)
    test.each<[string, (bytes: string) => Record<string, string>]>([
      [
        'a signature with another secret',
        (bytes) => ({ 'x-hub-signature-256': signed('guess', bytes) }),
      ],
      ['no signature', () => ({ 'x-hub-signature-256': '' })],
      [
        'upper-case hex',
        (bytes) => ({
          'x-hub-signature-256': right(bytes).toUpperCase().replace('SHA256', 'sha256'),
        }),
      ],
      ['a hash without its name', (bytes) => ({ 'x-hub-signature-256': right(bytes).slice(7) })],
      ['sha1', () => ({ 'x-hub-signature-256': `sha1=${'a'.repeat(40)}` })],
      [
        'two signatures',
        (bytes) => ({
          'x-hub-signature-256': `${right(bytes)}, ${signed('x', bytes)}`,
        }),
      ],
      ['other bytes', (bytes) => ({ 'x-hub-signature-256': right(`${bytes} `) })],
    ])('%s', async (_what, headers) => {
      const bytes = body()
      expect((await post(bytes, headers(bytes))).status).toBe(401)
    })

    test('an unknown connection, and one of another organization with this one’s secret', async () => {
      const { appSecret } = org.connection
      const other = (await app.org()).connection
      for (const id of ['nobody', '019ab3c4-0000-7000-8000-000000000001', other.id])
        expect((await postWebhook(app.url, { id, appSecret }, body())).status).toBe(401)
      expect((await postWebhook(app.url, { id: '', appSecret }, body())).status).toBe(401)
    })
  })

  test.each([
    ['', 400],
    ['null', 400],
    ['[]', 400],
    ['"text"', 400],
    ['{"object":', 400],
    ['\u0000', 400],
    ['{}', 200],
    ['{"object":"page"}', 200],
    [`{"entry":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 200],
  ])('signed bytes %.20s: %i', async (bytes, status) => {
    expect((await post(bytes)).status).toBe(status)
  })

  test('too many bytes, announced or not, are answered 413', async () => {
    const big = Buffer.alloc(4 * 1_048_576 + 1, ' ')
    expect((await post(big)).status).toBe(413)
    const stream = new ReadableStream({
      start(controller) {
        for (let at = 0; at < big.length; at += 65_536)
          controller.enqueue(big.subarray(at, at + 65_536))
        controller.close()
      },
    })
    const answer = await fetch(`${app.url}/webhooks/whatsapp/${org.connection.id}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: stream,
      duplex: 'half',
    })
    expect(answer.status).toBe(413)
    const largest = JSON.stringify(textBody('x'.repeat(3_000_000)))
    expect((await post(largest)).status).toBe(200)
  })

  test('what is not plain JSON is answered 415, another method 405, another path 404', async () => {
    const bytes = JSON.stringify(textBody('x'))
    expect((await post(gzipSync(bytes), { 'content-encoding': 'gzip' })).status).toBe(415)
    expect((await post(bytes, { 'content-type': 'text/plain' })).status).toBe(415)
    expect((await post(bytes, { 'content-type': 'application/json; charset=utf-8' })).status).toBe(
      200,
    )
    expect((await fetch(`${app.url}/webhooks/whatsapp`, { method: 'PUT' })).status).toBe(405)
    expect((await fetch(`${app.url}/webhooks/whatsapp/a/b`)).status).toBe(404)
  })

  test('everything twice and shuffled leaves the same rows as once in order', async () => {
    const people = Array.from({ length: 4 }, newCustomer)
    const from = Date.now() - 3_600_000
    const bodiesFor = ({ connection }: Org): object[] =>
      people.flatMap((who, p) =>
        Array.from({ length: 5 }, (_, n) =>
          messagesBody(
            connection,
            who,
            messageOf(who, `${p} ${n}`, {
              id: `wamid.${p}.${n}`,
              timestamp: seconds(new Date(from + p * 1000 + n * 60_000)),
            }),
          ),
        ),
      )
    const see = async (at: Org): Promise<unknown> =>
      JSON.parse(
        JSON.stringify(await picture(app.on, at)).replaceAll(at.connection.id, 'connection'),
      )
    const [once, twice] = [await app.org(), await app.org()]
    for (const body of bodiesFor(once)) await postWebhook(app.url, once.connection, body as never)
    const order = shuffled([...bodiesFor(twice), ...bodiesFor(twice)], 3)
    await Promise.all(order.map((body) => postWebhook(app.url, twice.connection, body as never)))
    await until(async () => (await texts(once)).length === 20 && (await texts(twice)).length === 20)
    await until(async () => (await app.on.queues.depths()).inbound.active === 0)
    expect(await see(twice)).toEqual(await see(once))
  })

  test('nothing of a message stands in the queue or in a log line in clear', async () => {
    const queued: InboundBody[] = []
    const add = app.on.queues.addInbound
    app.on.queues.addInbound = (bodies) => {
      queued.push(...bodies)
      return add(bodies)
    }
    const who = { phone: '5215559876123', name: 'Canary Quetzal' }
    await postWebhook(
      app.url,
      org.connection,
      messagesBody(org.connection, who, messageOf(who, 'Canary words')),
    )
    app.on.queues.addInbound = add
    await until(async () => (await texts()).includes('Canary words'))
    expect(queued).toHaveLength(1)
    expect(`${JSON.stringify(queued)}${app.lines.join('')}`).not.toMatch(/Canary|5215559876123/)
  })

  describe('while the queue does not confirm', () => {
    const withQueue = async (
      add: (bodies: InboundBody[]) => Promise<void>,
      run: () => Promise<void>,
    ): Promise<void> => {
      const real = app.on.queues.addInbound
      app.on.queues.addInbound = add
      await run().finally(() => {
        app.on.queues.addInbound = real
      })
    }
    const never = (): Promise<void> => new Promise(() => undefined)

    test.each([
      ['refuses', () => Promise.reject(new Error('refused')), 500],
      ['hangs', never, 1_700],
    ])('because it %s: 503 in time, and sent again nothing is lost', async (how, add, ms) => {
      const bodies = Array.from({ length: 5 }, (_, n) => textBody(`${how} ${n}`))
      await withQueue(add, async () => {
        const started = performance.now()
        const answers = await Promise.all(bodies.map((body) => post(body)))
        expect(performance.now() - started).toBeLessThan(ms)
        expect(answers.map(({ status }) => status)).toEqual([503, 503, 503, 503, 503])
        expect(answers[0]?.headers.get('retry-after')).toBe('5')
      })
      const again = await Promise.all(bodies.map((body) => post(body)))
      expect(again.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
      await until(async () => (await texts()).filter((text) => text?.startsWith(how)).length === 5)
    })

    test('at most 200 wait; the next is answered 503 at once', async () => {
      const earlier = app.lines.length
      await withQueue(never, async () => {
        const answers = await Promise.all(
          Array.from({ length: 230 }, (_, n) => post(textBody(`waiting ${n}`))),
        )
        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]))
        // The server's own measure: a busy client would make every answer look slow.
        const times = app.lines.slice(earlier).flatMap((line) => {
          const { msg, status, ms } = JSON.parse(line) as Record<string, unknown>
          return msg === 'request' && status === 503 ? [Number(ms)] : []
        })
        expect(times.some((ms) => ms < 1_000)).toBe(true)
      })
      expect((await post(textBody('after'))).status).toBe(200)
    })
  })
})
