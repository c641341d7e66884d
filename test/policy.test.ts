import { createHash } from 'node:crypto'
import { request } from 'node:http'
import { policyText } from '../src/privacy/policy-versions.ts'
import { startApp, type Running } from './support/app.ts'
import { signInAs } from './support/sign-in.ts'

const HASH = '4614b566db826ef4f604e19f2dcf10532c2712543da18b443d20a867f491886a'
let app: Running
let html: string
/** What stands between <main> and </main>. */
let main: string

beforeAll(async () => {
  app = await startApp({ workers: false })
  html = await (await fetch(`${app.url}/privacy`)).text()
  main = /<main[^>]*>([^]*)<\/main>/.exec(html)?.[1] ?? ''
})
afterAll(() => app.stop())

const ENTITIES: Record<string, string> = {
  '&#34;': '"',
  '&#39;': "'",
  '&lt;': '<',
  '&gt;': '>',
  '&amp;': '&',
}
const collapsed = (text: string): string => text.replace(/\s+/g, ' ').trim()
const textOf = (markup: string): string =>
  collapsed(
    markup
      .replace(/<[^>]+>/g, '')
      .replace(/&(#34|#39|lt|gt|amp);/g, (entity) => ENTITIES[entity] ?? entity),
  )

const sha256 = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex')

test('the text in the repository is the published policy, byte for byte', () => {
  expect(Buffer.byteLength(policyText())).toBe(2_483)
  expect(sha256(policyText())).toBe(HASH)
})

test('as plain text it is answered byte for byte', async () => {
  const answer = await fetch(`${app.url}/privacy`, { headers: { accept: 'text/plain' } })
  expect(answer.status).toBe(200)
  expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8')
  expect(sha256(Buffer.from(await answer.arrayBuffer()))).toBe(HASH)
})

test('as a page it holds every word of the text in its order, and no other', () => {
  expect(textOf(main)).toBe(collapsed(policyText()))
})

test('it is structured: one title, eight numbered headings, two lists', () => {
  const all = (tag: string): string[] =>
    [...main.matchAll(new RegExp(`<${tag}[^>]*>([^]*?)</${tag}>`, 'g'))].map(([, inner]) =>
      textOf(inner ?? ''),
    )
  expect(all('h1')).toEqual(['Privacy Policy'])
  expect(all('h2').map((heading) => heading.slice(0, 3))).toEqual(
    Array.from({ length: 8 }, (_none, index) => `${index + 1}. `),
  )
  expect(all('h3')).toEqual(['Account Information', 'WhatsApp Business Data', 'Usage Data'])
  expect(all('ul')).toHaveLength(2)
  expect(all('li')).toHaveLength(10)
})

test('its last element leads back to the product', () => {
  expect(main).toMatch(/<a [^>]*href="\/"[^>]*>← Back to ChatFlow CRM<\/a><\/p>\s*$/)
  expect(html).toMatch(/<\/main>\s*<\/div>\s*<\/body>\s*<\/html>\s*$/)
})

test('it loads and links nothing from elsewhere, but for the address to write to', () => {
  const targets = [...html.matchAll(/(?:src|href|action)="([^"]*)"/g)].map(
    ([, target]) => target ?? '',
  )
  expect(targets).toContain('mailto:firstfashionstore0@gmail.com')
  expect(targets.filter((target) => !/^(\/(?!\/)|#|mailto:)/.test(target))).toEqual([])
})

test('it sets no cookie, whoever asks', async () => {
  const org = await app.org()
  const cookie = await signInAs(app.on, org, org.owner)
  for (const headers of [{}, { cookie }, { cookie: 'cf_dev=s%3Anobody.signature' }]) {
    const answer = await fetch(`${app.url}/privacy`, { headers })
    expect(answer.status).toBe(200)
    expect(answer.headers.getSetCookie()).toEqual([])
  }
})

test('HEAD answers like GET, without the body', async () => {
  const answer = await fetch(`${app.url}/privacy`, { method: 'HEAD' })
  expect(answer.status).toBe(200)
  expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(await answer.text()).toBe('')
})

test('a client that names no type gets the page', async () => {
  const type = await new Promise((resolve, reject) => {
    request(`${app.url}/privacy`, (res) => {
      res.resume()
      resolve(res.headers['content-type'])
    })
      .on('error', reject)
      .end()
  })
  expect(type).toBe('text/html; charset=utf-8')
})
