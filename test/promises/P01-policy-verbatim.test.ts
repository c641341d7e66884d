import { createHash } from 'node:crypto'
import { deliverMail } from '../../src/ops/delivery.ts'
import { queueMail } from '../../src/ops/mail.ts'
import { startApp, type Running } from '../support/app.ts'
import { signInAs } from '../support/sign-in.ts'
import { startMailServer } from '../support/smtp.ts'
import { visit } from '../support/visitor.ts'

/** Of the text as it was published on 13 February 2026. */
const HASH = '4614b566db826ef4f604e19f2dcf10532c2712543da18b443d20a867f491886a'
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

describe('P1 — the policy is public, exact, and leads back', () => {
  let app: Running
  beforeAll(async () => {
    app = await startApp({ workers: false })
  })
  // An edited text does not let the product start; the support code stops what was begun.

  test('as text it is the published one, byte for byte', async () => {
    const { status, text } = await visit(app).get('/privacy', { accept: 'text/plain' })
    expect([status, sha256(text)]).toEqual([200, HASH])
  })

  test('as a page it says the same words, and its last link leads back', async () => {
    const { text: words } = await visit(app).get('/privacy', { accept: 'text/plain' })
    const { text: html } = await visit(app).get('/privacy', { accept: 'text/html' })
    const main = /<main[^>]*>([^]*)<\/main>/.exec(html)?.[1] ?? ''
    const shown = main
      .replace(/<[^>]+>/g, '')
      .replaceAll('&#34;', '"')
      .replaceAll('&amp;', '&')
    const collapsed = (text: string): string => text.replace(/\s+/g, ' ').trim()
    expect(collapsed(shown)).toBe(collapsed(words))
    const links = [...main.matchAll(/<a [^>]*href="([^"]*)"[^>]*>([^<]*)</g)]
    expect(links.at(-1)?.slice(1)).toEqual(['/', '← Back to ChatFlow CRM'])
  })

  test('it sets no cookie and loads nothing from elsewhere', async () => {
    const visitor = visit(app)
    const { headers, text } = await visitor.get('/privacy')
    expect([headers.get('set-cookie'), visitor.cookies.size]).toEqual([null, 0])
    const addresses = [...text.matchAll(/(?:src|href)="([^"]*)"/g)].map(
      ([, address = '']) => address,
    )
    expect(addresses.length).toBeGreaterThan(3)
    expect(addresses.filter((one) => !/^(\/(?!\/)|#|mailto:)/.test(one))).toEqual([])
  })

  test.each(['/login', '/signup'])('%s leads to it', async (page) => {
    expect((await visit(app).get(page)).text).toContain('href="/privacy"')
  })

  test('the page to export from leads to it', async () => {
    const org = await app.org()
    const member = visit(app, { cookie: await signInAs(app.on, org, org.owner) })
    const page = await member.get('/settings/profile/exports')
    expect(page.text).toMatch(/<a class="link" id="to-privacy" href="\/privacy">/)
  })

  test('a mail leads to it', async () => {
    const server = await startMailServer()
    const mailing = await startApp({ workers: false, env: { SMTP_URL: server.url } })
    const letter = {
      to: 'maya@example.test',
      kind: 'alarm' as const,
      subject: 'Hello',
      text: 'Words.\n',
    }
    const id = await mailing.on.db.withSystem((tx) => queueMail(tx, mailing.on, letter))
    await deliverMail(mailing.on, id)
    await mailing.stop()
    await server.stop()
    expect(server.received[0]).toContain(`Words.\n\nPrivacy policy: ${mailing.url}/privacy`)
  })
})
