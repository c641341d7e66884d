import { randomUUID } from 'node:crypto'
import { SYSTEM } from '../src/audit/audit.ts'
import { restrictContact } from '../src/restrictions/restrictions.ts'
import { firstTemplates } from '../src/sandbox/template-shelf.ts'
import { wordsOfTemplate } from '../src/sandbox/templates.ts'
import { blanksOf, obstacleOf } from '../src/templates/blanks.ts'
import { readComponents } from '../src/templates/components.ts'
import { fillTemplate } from '../src/templates/fill.ts'
import { wordsSaid } from '../src/templates/said.ts'
import { useDesk } from './support/desk.ts'
import { templateOf } from './support/graph-templates.ts'
import { agent, type Agent } from './support/inbox.ts'
import { program } from './support/program.ts'
import { useShelf } from './support/shelf.ts'
import { openTalk, type Talk } from './support/talk.ts'

type Loose = Record<string, unknown>
const desk = useDesk()
const shelf = useShelf(desk)
const { see, stand, word, idOf } = shelf

const ORDER = templateOf('order_ready', {
  parameter_format: 'NAMED',
  components: [
    { type: 'HEADER', format: 'IMAGE' },
    {
      type: 'BODY',
      text: 'Hi {{first_name}}, order {{order_no}} is *ready*.',
      example: {
        body_text_named_params: [
          { param_name: 'first_name', example: 'Ana' },
          { param_name: 'order_no', example: 'A-77' },
        ],
      },
    },
    {
      type: 'BUTTONS',
      buttons: [
        { type: 'QUICK_REPLY', text: 'Help' },
        {
          type: 'URL',
          text: 'See',
          url: 'https://x.example/o/{{1}}',
          example: ['https://x.example/o/7'],
        },
      ],
    },
  ],
})
const FILLED = {
  m: 'https://x.example/a.jpg',
  'b:first_name': 'Ana',
  'b:order_no': 'A-77',
  'u:1': '77',
}
let person: Agent
let talk: Talk
beforeEach(async () => {
  person = await agent(desk.app, shelf.org)
  talk = await openTalk(desk.app.on, shelf.org)
  await talk.closeWindow()
})
const at = async (name: string): Promise<string> =>
  `/inbox/${talk.id}/templates/${await idOf(name)}`
const last = async (): Promise<Loose> =>
  (
    await see(
      'select id, kind, text, status, error_code from messages where org_id = :org order by id desc limit 1',
    )
  )[0] ?? {}

test('an approved template is chosen, filled in with a preview, and sent in Meta’s shape', async () => {
  await stand(
    ORDER,
    templateOf('resting', { status: 'PAUSED' }),
    templateOf('goods', {
      components: [
        { type: 'BODY', text: 'Look' },
        { type: 'BUTTONS', buttons: [{ type: 'CATALOG', text: 'View' }] },
      ],
    }),
  )
  const choose = await person.part(`/inbox/${talk.id}/templates`)
  expect(choose.text).toMatch(
    /order_ready[^]*Hi {{first_name}}[^]*goods[^]*chosen by a program only/,
  )
  expect(choose.text).not.toContain('resting')
  expect((await person.get(`/inbox/${talk.id}`)).text).toContain('id="closed-template"')
  const form = await person.part(await at('order_ready'))
  expect(form.text).toMatch(/name="b:first_name" value="Customer" placeholder="Ana"/)
  const seen = await person.act(`${await at('order_ready')}/preview`, {
    'b:first_name': '<Bea>',
    nonsense: 'x',
  })
  expect(seen.text.replaceAll('\n', '')).toMatch(
    /Hi &lt;Bea&gt;, order <mark class="blank">A-77<\/mark> is <b>ready<\/b>\./,
  )

  const token = randomUUID()
  const bad = { ...FILLED, m: 'http://x', 'b:first_name': '', 'b:order_no': 'a\nb', 'u:1': 'a b' }
  const refused = await person.act(await at('order_ready'), { ...bad, client_token: token })
  expect(refused.status).toBe(422)
  for (const sentence of [
    'begins with https://',
    'Fill in “First name”',
    'no line break',
    'no spaces',
  ])
    expect(refused.text).toContain(sentence)
  const long = { ...FILLED, 'b:order_no': 'x'.repeat(1_020) }
  expect((await person.act(await at('order_ready'), long)).text).toMatch(/has 10\d\d characters/)
  expect((await last())['kind']).not.toBe('template')

  const form2 = { ...FILLED, client_token: token }
  const sent = await person.act(await at('order_ready'), form2)
  expect(sent.status).toBe(201)
  expect(sent.text).toMatch(/Hi Ana, order A-77 is \*ready\*[^]*hx-target="#picker"/)
  expect((await person.act(await at('order_ready'), form2)).status).toBe(201)
  await desk.drained(talk)
  expect(desk.graph.calls.map(({ body }) => body)).toMatchObject([
    {
      type: 'template',
      template: {
        name: 'order_ready',
        language: { code: 'en' },
        components: [
          { type: 'header', parameters: [{ type: 'image', image: { link: FILLED.m } }] },
          {
            type: 'body',
            parameters: [
              { type: 'text', parameter_name: 'first_name', text: 'Ana' },
              { type: 'text', parameter_name: 'order_no', text: 'A-77' },
            ],
          },
          {
            type: 'button',
            sub_type: 'url',
            index: '1',
            parameters: [{ type: 'text', text: '77' }],
          },
        ],
      },
    },
  ])
  // Without scripts it is a page and a redirect.
  expect((await person.get(await at('order_ready'))).text).toContain('<!doctype html>')
  expect((await person.post(await at('order_ready'), FILLED)).location).toBe(`/inbox/${talk.id}`)
})

test('what Meta stopped is refused with its reason, and stopped while it waits it is not sent', async () => {
  await stand(templateOf('plain'))
  const url = await at('plain')
  expect((await person.act(url)).status).toBe(201)
  await word('plain', 'PAUSED')
  await desk.drained(talk)
  expect(desk.graph.calls).toEqual([])
  expect(await last()).toMatchObject({ status: 'failed', error_code: 'template_paused' })
  const thread = await person.get(`/inbox/${talk.id}`)
  expect(thread.text).toMatch(/Meta has paused this template[^]*Choose a template/)
  const refused = await person.act(url)
  expect([refused.status, refused.text]).toEqual([422, expect.stringContaining('Meta has paused')])
  const shop = await program(desk.app, shelf.org)
  const ask = (): Promise<{ body: Loose }> =>
    shop.send('POST', `/conversations/${talk.id}/messages`, {
      type: 'template',
      template: { name: 'plain', language: { code: 'en' } },
    })
  expect((await ask()).body).toMatchObject({ code: 'template_paused' })
  await see(`update templates set status = 'APPROVED', gone_at = now() where org_id = :org`)
  expect((await ask()).body).toMatchObject({ code: 'template_gone' })
  await see(`update templates set gone_at = null where org_id = :org`)
  expect((await ask()).body).toMatchObject({ text: 'Thank you.', status: 'queued' })
  // Meta knows better: its refusal asks for the list again.
  desk.graph.script({ code: 132_015 })
  await desk.drained(talk)
  expect(await last()).toMatchObject({ status: 'failed', error_code: '132015' })
  expect(
    await see('select asked_at is not null as asked from template_syncs where org_id = :org'),
  ).toEqual([{ asked: true }])
})

test('wishes of the contact go before it: marketing, restriction, and somebody else’s template', async () => {
  await stand(templateOf('news', { category: 'MARKETING' }), templateOf('notice'))
  const queued = await person.act(await at('news'))
  expect(queued.status).toBe(201)
  const wish = (kind: 'no_marketing' | 'restricted'): Promise<unknown> =>
    restrictContact(desk.app.on, shelf.org.id, {
      contact: talk.contact,
      kind,
      ground: kind === 'restricted' ? 'accuracy' : 'objection',
      road: 'agent',
      by: SYSTEM,
    })
  await wish('no_marketing')
  await desk.drained(talk)
  expect(await last()).toMatchObject({ status: 'failed', error_code: 'no_marketing' })
  expect((await person.act(await at('news'))).text).toContain('objected to marketing')
  expect((await person.act(await at('notice'))).status).toBe(201)
  await wish('restricted')
  expect((await person.part(`/inbox/${talk.id}/templates`)).status).toBe(422)
  expect((await person.act(await at('notice'))).status).toBe(422)
  const stranger = await agent(desk.app, await desk.app.org())
  expect((await stranger.act(await at('notice'))).status).toBe(404)
})

test('every shape that can be sent from here is taken as it is filled in; a login code stays out of the words', () => {
  const line = { templates: firstTemplates() } as Parameters<typeof wordsOfTemplate>[0]
  const taken = line.templates
    .filter(({ status }) => status === 'APPROVED')
    .map(({ components, ...rest }) =>
      Object.assign(rest, { components: readComponents(components) }),
    )
    .filter((template) => obstacleOf(template) === '')
  expect(taken.length).toBeGreaterThan(8)
  for (const template of taken) {
    const values = new Map(
      blanksOf(template).map(({ key, kind, sample }) => [
        key,
        kind === 'media' ? '123456789' : sample || 'x',
      ]),
    )
    const body = fillTemplate(template, values, new Date()) as Loose
    const said = wordsSaid(template, body['components'])
    expect(wordsOfTemplate(line, body)).toBe(said.replace('••••••', '123456'))
    expect(wordsSaid(template, body['components'])).not.toContain('123456')
    expect(() => fillTemplate(template, new Map(), new Date())).toThrow(
      blanksOf(template).length > 0 ? 'Fill in' : /never/,
    )
  }
})
