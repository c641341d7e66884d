import { galleryOf } from '../src/sandbox/gallery.ts'
import type { Shown } from '../src/inbox/bubbles.ts'
import { paid } from '../src/inbox/orders.ts'
import { timesIn } from '../src/inbox/times.ts'
import { startApp, type Running } from './support/app.ts'
import { arrive, read } from './support/inbound.ts'
import { member } from './support/member.ts'
import { bodyAround, messageOf, messagesBody, newCustomer, seconds } from './support/meta.ts'
import type { Org } from './support/org.ts'

const NOW = new Date('2026-11-24T12:00:00Z')
const reader = { now: NOW, times: timesIn('UTC', NOW), mayAdmin: false, contactName: 'Camila' }
const gallery = galleryOf(reader)

const shownIn = (id: string): Shown[] =>
  (gallery.sections.find((section) => section.id === id)?.blocks ?? []).flatMap((block) =>
    block.kind === 'group' ? block.messages : block.kind === 'event' ? block.message : [],
  )
const lines = (id: string): string[] => shownIn(id).flatMap(({ line }) => line?.text ?? [])
const bodies = (id: string): object[] => shownIn(id).flatMap(({ line, body }) => (line ? [] : body))

describe('each kind as the thread shows it', () => {
  test('words have what is to be known before them', () => {
    const [ad, first, quoting, lost, forwarded, often, product, , group] = shownIn('words')
    expect(ad?.ad).toEqual({
      title: 'Linen for warm days',
      text: 'Write to us for your size.',
      href: 'https://fb.me/linen',
    })
    expect(first?.reactions).toEqual([{ emoji: '❤️', label: 'Camila reacted with ❤️' }])
    expect(first?.pieces.at(-1)).toEqual({
      text: 'https://loja.example/vestido-azul',
      href: 'https://loja.example/vestido-azul',
    })
    expect(quoting?.quote).toMatchObject({ by: 'Camila', id: first?.id })
    expect(lost?.quote).toEqual({ id: '', by: '', text: 'An earlier message' })
    expect([forwarded, often, product, group].map((one) => one?.marks[0]?.text)).toEqual([
      'Forwarded',
      'Forwarded many times',
      'About product LINEN-42',
      'In a group · a reply goes to this person alone',
    ])
  })

  test('files are named for what they are', () => {
    expect(bodies('files').map((body) => (body as { title: string }).title)).toEqual([
      'Photo',
      'Video',
      'Voice message',
      'Audio',
      'comprovante-de-pagamento-novembro-2026.pdf',
      'Animated sticker',
    ])
  })

  test('a form is questions and answers without its machinery, an order adds up exactly', () => {
    expect(bodies('choices')).toMatchObject([
      { view: 'choice', lead: 'Chose' },
      { view: 'choice', lead: 'Chose' },
      { view: 'choice', note: 'Loja de Pinheiros' },
      {
        view: 'answers',
        rows: [
          { name: 'tamanho', value: 'P' },
          { name: 'retirada na loja', value: 'Yes' },
          { name: 'email' },
        ],
      },
      { view: 'choice', lead: 'Allows calls' },
      {
        view: 'order',
        lines: [{ quantity: '1' }, { quantity: '10', price: 'R$1.00' }],
        total: 'R$419.00',
      },
    ])
  })

  test('a place has a map behind a link, a card what is on it', () => {
    expect(bodies('places')).toMatchObject([
      { view: 'place', title: 'MASP', map: expect.stringContaining('-23.56141') as string },
      { view: 'place', title: 'Location', address: '-22.90556, -47.06083' },
      {
        view: 'cards',
        cards: [
          {
            name: 'Beatriz Figueiredo',
            lines: ['+55 11 91234-5678', 'bia@example.com', 'Ateliê Bia', 'Costureira'],
          },
          { name: 'Mãe', lines: [] },
        ],
      },
    ])
  })

  test('what was changed keeps its first words, what was deleted keeps none', () => {
    expect(shownIn('changed')).toMatchObject([
      { pieces: [{ text: 'Quero o tamanho P' }], edited: { earlier: 'Quero o tamanho M' } },
      { body: { view: 'gone', text: 'Camila deleted this message' }, hasText: false },
      {
        pieces: [{ text: 'Na verdade, sexta' }],
        marks: [{ text: 'Change of a message that is not here' }],
      },
      { line: { text: 'Camila deleted an earlier message' } },
      { line: { text: 'Camila reacted with 👍🏽 to an earlier message' } },
    ])
  })

  test('what WhatsApp keeps back and what is younger than this version says so', () => {
    expect(bodies('odd').map((body) => (body as { text: string }).text)).toEqual([
      'Camila sent a poll, which WhatsApp does not hand to businesses. Ask Camila to send it another way.',
      'Camila sent a photo or video to be seen once, which WhatsApp does not hand to businesses. Ask Camila to send it another way.',
      'WhatsApp does not hand this kind of message to businesses. Ask Camila to send it another way.',
      'WhatsApp could not hand this message over. Ask Camila to send it again.',
      'WhatsApp could not receive the file. Ask Camila to send it another way.',
      'Camila sent something that ChatFlow cannot show yet (hologram). It is kept, sealed.',
      'Camila sent something that ChatFlow cannot show yet (interactive, new_reply). It is kept, sealed.',
    ])
  })

  test('what happened is a line, a call one line with how it went', () => {
    expect(lines('events')).toEqual([
      'Camila opened the chat for the first time',
      'Camila called, 2 min 14 s',
      'Missed call from Camila',
      'You called Camila, declined',
      'Camila stopped marketing messages from you',
      'Camila wants marketing messages again',
      'Payment captured · R$419.00 · pedido 10482',
      'Camila now writes from +55 11 95555-1188',
      'The WhatsApp account of Camila changed. Make sure who it is before you go on',
      'WhatsApp gave Camila a new id',
      'A notice of WhatsApp that is not supported yet',
    ])
  })

  test('what came another way says by which', () => {
    expect(shownIn('phone-app').map(({ side, by, marks }) => [side, by, marks[0]?.text])).toEqual([
      ['out', 'Phone app', undefined],
      ['out', 'Phone app', undefined],
      ['out', 'Another application', undefined],
      ['in', 'Camila', 'Handled by another application'],
      ['in', 'Camila', undefined],
    ])
  })

  test('no report of Meta is without words, but the one nobody knows', () => {
    const strange = gallery.reports.filter(({ title }) => title.includes('not supported'))
    expect(strange.map(({ detail }) => detail)).toEqual([
      'Meta calls it BRAND_NEW_EVENT of account_update. It is kept.',
    ])
    expect(gallery.reports.filter(({ title }) => title.length < 10)).toEqual([])
  })
})

test.each([
  [21_000, 100, 'INR', '₹210.00'],
  [5, 1, 'XX', '5.00 XX'],
  ['x', 100, 'INR', ''],
  [100, 0, 'INR', ''],
])('%j in parts of %j is shown as money', (value, offset, currency, shown) => {
  expect(paid(value, offset, currency)).toBe(shown)
})

describe('a thread', () => {
  let app: Running
  let org: Org
  beforeAll(async () => {
    app = await startApp({ workers: false })
    org = await app.org()
  })
  afterAll(() => app.stop())

  test('shows calls, changes and deletions where they belong, whatever page they came with', async () => {
    const ana = { ...newCustomer(), name: 'Ana Ríos' }
    const at = (minutes: number): { timestamp: string } => ({
      timestamp: seconds(new Date(Date.now() - minutes * 60_000)),
    })
    const edit = {
      original_message_id: 'wamid.o',
      message: { type: 'text', text: { body: 'Size S' } },
    }
    const call = { from: ana.phone, direction: 'USER_INITIATED' }
    await arrive(
      app.on,
      org,
      messagesBody(
        org.connection,
        ana,
        messageOf(ana, 'Size M', { id: 'wamid.o', ...at(9) }),
        messageOf(ana, '', { type: 'edit', edit, ...at(8) }),
        messageOf(ana, 'by mistake', { id: 'wamid.r', ...at(7) }),
        messageOf(ana, '', {
          type: 'revoke',
          revoke: { original_message_id: 'wamid.r' },
          ...at(6),
        }),
        messageOf(ana, '', {
          type: 'revoke',
          revoke: { original_message_id: 'wamid.gone' },
          ...at(5),
        }),
      ),
      bodyAround(
        org.connection,
        {
          calls: [
            { ...call, id: 'wacid.1', event: 'connect', ...at(4) },
            { ...call, id: 'wacid.1', event: 'terminate', status: 'FAILED', ...at(3) },
          ],
        },
        'calls',
      ),
    )
    const [conversation] = await read<{ id: string; unread: number }>(
      app.on,
      org,
      'select id, unread from conversations where org_id = :org',
    )
    expect(conversation?.unread).toBe(3)
    const page = await (await member(app, org, 'agent')).get(`/inbox/${conversation?.id}`)
    const html = await page.text()
    expect(html).toMatch(/Size S<span class="meta-end"><span>changed<\/span>/)
    expect(html).toMatch(/<details class="earlier">.*Size M/)
    expect(html).toContain('Ana deleted this message')
    expect(html).toContain('Ana deleted an earlier message')
    expect(html).toContain('Missed call from Ana')
    expect(html).not.toContain('by mistake')
    expect(html.match(/class="event/g)).toHaveLength(3)
  })
})
