import { rows } from '../src/db.ts'
import { syncTemplates } from '../src/templates/sync.ts'
import { askSync, claimSync, goOn, type Run } from '../src/templates/syncs.ts'
import { useDesk } from './support/desk.ts'
import { templateOf } from './support/graph-templates.ts'
import { agent, PART, type Agent } from './support/inbox.ts'
import { program } from './support/program.ts'
import { useShelf } from './support/shelf.ts'

const desk = useDesk()
const shelf = useShelf(desk)
type Loose = Record<string, unknown>
const { see, stand, tell, word } = shelf
const states = async (): Promise<string[]> =>
  (await see('select name, status, gone_at from templates where org_id = :org order by name')).map(
    ({ name, status, gone_at: gone }) => `${String(name)} ${String(status)}${gone ? ' gone' : ''}`,
  )
describe('what Meta has', () => {
  test('is read page by page, kept, found by name, words and state, and given to programs', async () => {
    desk.graph.templates.pageSize = 100
    const many = Array.from({ length: 120 }, (_none, n) =>
      templateOf(`t_${String(n).padStart(3, '0')}`),
    )
    await stand(
      ...many,
      templateOf('order_ready', {
        language: 'es-MX',
        status: 'REJECTED',
        rejected_reason: 'TAG_CONTENT_MISMATCH',
        category: 'MARKETING',
        quality_score: { score: 'YELLOW' },
        components: [{ type: 'BODY', text: 'Hola {{1}}', example: { body_text: [['Ana']] } }],
      }),
    )
    const { calls } = desk.graph.templates
    expect(calls.map(({ path }) => new URL(path, 'http://x').searchParams.get('after'))).toEqual([
      null,
      '50',
      '100',
    ])
    expect(calls.every(({ token }) => token === shelf.org.connection.accessToken)).toBe(true)
    const person = await agent(desk.app, shelf.org)
    const list = await person.get('/templates')
    expect(list.text).toMatch(/t_048[^]*id="next-page"/)
    expect(list.text).not.toContain('t_049')
    expect(list.text).toMatch(/121 templates · read \d+ s ago/)
    const [, next = ''] = /id="next-page" href="([^"]+)"/.exec(list.text) ?? []
    expect((await person.get(next.replaceAll('&amp;', '&'))).text).toMatch(/t_049/)
    const found = await person.get('/templates?q=hola&status=rejected')
    expect(found.text).toMatch(/order_ready[^]*rejected[^]*tag content mismatch[^]*medium/)
    expect(found.text).not.toContain('t_0')
    expect((await person.get('/templates?q=zebra')).text).toContain('id="clear-filter"')

    const shop = await program(desk.app, shelf.org)
    const first = await shop.get('/templates?limit=100')
    const rest = await shop.get(`/templates?limit=100&cursor=${String(first.body['next_cursor'])}`)
    const all = [first, rest].flatMap(({ body }) => body['data'] as Loose[])
    expect(all).toHaveLength(121)
    expect(all[0]).toMatchObject({ name: 'order_ready', language: 'es_MX', waba_id: shelf.waba })
    expect(JSON.stringify(all)).not.toContain(shelf.org.connection.accessToken)
    expect((await shop.get('/templates?status=rejected')).body['data']).toHaveLength(1)
    const other = await program(desk.app, await desk.app.org())
    expect((await other.get('/templates')).body['data']).toEqual([])
  })

  test('that is not listed any more is marked gone, unless it came up a moment ago', async () => {
    await stand(templateOf('old'), templateOf('kept'))
    await see(
      `update templates set created_at = now() - interval '1 hour', status_at = now() - interval '1 hour' where org_id = :org`,
    )
    await word('fresh', 'PENDING')
    await stand(templateOf('kept'))
    expect(await states()).toEqual(['fresh PENDING', 'kept APPROVED', 'old APPROVED gone'])
    const person = await agent(desk.app, shelf.org)
    expect((await person.get('/templates?status=gone')).text).toMatch(/old[^]*gone at Meta/)
    await stand(templateOf('kept'), templateOf('old'))
    expect(await states()).toContain('old APPROVED')
  })

  test('does not overwrite what a report said since, and an older report changes nothing', async () => {
    await stand(templateOf('a'), templateOf('b'))
    await word('a', 'PAUSED', {
      other_info: { title: 'FIRST_PAUSE', description: 'Too many blocks' },
    })
    await word('b', 'REJECTED', {}, Date.now() / 1_000 - 3_600)
    await stand(templateOf('a'), templateOf('b'))
    expect(await states()).toEqual(['a PAUSED', 'b APPROVED'])
    expect(await see(`select said from templates where org_id = :org and name = 'a'`)).toEqual([
      { said: 'Too many blocks' },
    ])
    await see(`update templates set status_at = now() - interval '1 minute' where org_id = :org`)
    await stand(templateOf('a'), templateOf('b'))
    expect(await states()).toEqual(['a APPROVED', 'b APPROVED'])
  })

  test('is asked for when a report names what was not read, or says that it was edited', async () => {
    const wanted = async (): Promise<unknown> =>
      (
        await see('select asked_at is not null as asked from template_syncs where org_id = :org')
      )[0]?.['asked']
    await word('new', 'APPROVED')
    expect(await wanted()).toBe(true)
    await stand(templateOf('new'))
    expect(await wanted()).toBe(false)
    await word('new', 'PAUSED')
    expect(await wanted()).toBe(false)
    await tell(
      'message_template_components_update',
      {
        message_template_name: 'new',
        message_template_language: 'en',
        message_template_element: 'x',
      },
      Date.now() / 1_000 + 2,
    )
    expect(await wanted()).toBe(true)
  })
})

describe('a reading', () => {
  const due = (): Promise<Loose[]> =>
    desk.app.on.db.withSystem(async (tx) =>
      (await rows<Loose>(tx, 'select * from due_syncs(100)')).filter(
        ({ org_id: id }) => id === shelf.org.id,
      ),
    )

  test('that fails keeps the list, says what Meta said and what to do, and lasts no longer than that', async () => {
    await stand(templateOf('kept'))
    const said = `Error validating access token ${shelf.org.connection.accessToken}: session has expired`
    desk.graph.templates.script.push({
      status: 401,
      body: { error: { message: said, code: 190, error_subcode: 463 } },
    })
    await stand()
    expect(await states()).toEqual(['kept APPROVED'])
    const owner = await agent(desk.app, shelf.org, 'owner')
    const page = await owner.get('/templates')
    expect(page.text).toMatch(
      /could not be read\. The access token has expired\.[^]*session has expired/,
    )
    expect(page.text).toMatch(/What is shown was read \d+ s ago/)
    expect(page.text).toContain('href="/settings/connections"')
    expect(page.text).not.toContain(shelf.org.connection.accessToken)
    const person = await agent(desk.app, shelf.org)
    expect((await person.get('/templates')).text).toContain('An admin can mend it')

    desk.graph.templates.script.push({ status: 502, body: {} })
    await stand()
    expect((await person.get('/templates')).text).toContain('Meta could not be reached')
    await stand(templateOf('kept'))
    expect((await person.get('/templates')).text).not.toContain('sync-problem')
  })

  test('is one at a time, and due again an hour later or when somebody asks', async () => {
    expect(await due()).toEqual([])
    await see(`update connections set created_at = now() - interval '2 hours' where org_id = :org`)
    expect(await due()).toMatchObject([{ waba_id: shelf.waba, asked: false }])
    await desk.app.on.db.withTenant(shelf.org.id, (tx) => askSync(tx, shelf.org.id, shelf.waba))
    expect(await due()).toMatchObject([{ waba_id: shelf.waba, asked: true }])
    const at = { org: shelf.org.id, waba: shelf.waba }
    const claimed = (): Promise<Run | undefined> =>
      desk.app.on.db.withTenant(at.org, (tx) => claimSync(tx, at))
    const first = await claimed()
    expect(first).toBeDefined()
    expect(await claimed()).toBeUndefined()
    // Who was too slow writes nothing more.
    await see(`update template_syncs set lease_until = now() where org_id = :org`)
    expect(await claimed()).toMatchObject({ fence: (first?.fence ?? 0) + 1 })
    const goesOn = await desk.app.on.db.withTenant(at.org, (tx) => goOn(tx, first as Run, 1))
    expect(goesOn).toBe(false)
    await see(`update template_syncs set lease_until = now() where org_id = :org`)
    await syncTemplates(desk.app.on, at)
    expect(desk.graph.templates.calls).toHaveLength(1)
    await syncTemplates(desk.app.on, at)
    expect(desk.graph.templates.calls).toHaveLength(1)
    expect(await due()).toEqual([])
    await see(
      `update template_syncs set ended_at = now() - interval '61 minutes' where org_id = :org`,
    )
    expect(await due()).toMatchObject([{ asked: false }])
  })

  test('is asked for with a button that shows how far it is, with and without scripts', async () => {
    const person: Agent = await agent(desk.app, shelf.org)
    desk.graph.templates.of[shelf.waba] = [templateOf('one')]
    const asked = await person.act('/templates/syncs')
    expect(asked.text).toMatch(/hx-get="\/templates\/syncs"[^]*Waits to be read from Meta/)
    await syncTemplates(desk.app.on, { org: shelf.org.id, waba: shelf.waba })
    const ended = await person.get('/templates/syncs', PART)
    expect(ended.text).toMatch(/1 template · read[^]*hx-target="#template-list"[^]*one/)
    expect(ended.text).not.toContain('hx-trigger="every')
    expect((await person.post('/templates/syncs')).location).toBe('/templates')
    expect(
      (await (await agent(desk.app, shelf.org, 'viewer')).act('/templates/syncs')).status,
    ).toBe(403)
  })
})

test('a template is shown as on the phone, with examples where something is filled in', async () => {
  await stand(
    templateOf('whole', {
      language: 'pt_BR',
      parameter_format: 'NAMED',
      components: [
        { type: 'HEADER', format: 'IMAGE', example: { header_handle: ['https://cdn/x'] } },
        {
          type: 'BODY',
          text: 'Olá *{{first_name}}* <script>, _até já_',
          example: { body_text_named_params: [{ param_name: 'first_name', example: 'Ana' }] },
        },
        { type: 'FOOTER', text: 'Responda SAIR' },
        {
          type: 'BUTTONS',
          buttons: [
            {
              type: 'URL',
              text: 'Ver',
              url: 'https://x.example/p/{{1}}',
              example: ['https://x.example/p/7'],
            },
            { type: 'QUICK_REPLY', text: 'Ajuda' },
          ],
        },
      ],
    }),
    templateOf('cards', {
      components: [
        { type: 'BODY', text: 'Look:' },
        {
          type: 'CAROUSEL',
          cards: ['Red', 'Blue'].map((text) => ({
            components: [
              { type: 'HEADER', format: 'VIDEO' },
              { type: 'BODY', text: `${text} shoes` },
              { type: 'BUTTONS', buttons: [{ type: 'QUICK_REPLY', text: `Take ${text}` }] },
            ],
          })),
        },
      ],
    }),
    templateOf('code', {
      category: 'AUTHENTICATION',
      components: [
        { type: 'BODY', add_security_recommendation: true },
        { type: 'FOOTER', code_expiration_minutes: 10 },
        { type: 'BUTTONS', buttons: [{ type: 'OTP', otp_type: 'COPY_CODE', text: 'Copy code' }] },
      ],
    }),
  )
  const person = await agent(desk.app, shelf.org)
  const list = await person.get('/templates')
  const page = async (name: string): Promise<string> => {
    const [, id] = new RegExp(`id="open-([0-9a-f-]{36})"[^>]*><bdi>${name}`).exec(list.text) ?? []
    return (await person.get(`/templates/${id}`)).text.replaceAll(/\n|<svg[^]*?<\/svg>/g, '')
  }
  const whole = await page('whole')
  expect(whole).toContain('lang="pt-BR"')
  expect(whole).toContain('Olá <mark class="blank">Ana</mark> &lt;script&gt;, <i>até já</i>')
  expect(whole).toMatch(/Picture[^]*Responda SAIR[^]*Ver[^]*x\.example\/p\/…[^]*Ajuda/)
  expect(await page('cards')).toMatch(/2 cards[^]*Video[^]*Red shoes[^]*Take Red[^]*Blue shoes/)
  expect(await page('code')).toMatch(
    /<mark class="blank">1<\/mark> is your verification code\. For your security[^]*Expires in 10 minutes[^]*Copy code/,
  )
  const stranger = await agent(desk.app, await desk.app.org())
  const [, id = ''] = /id="open-([0-9a-f-]{36})"/.exec(list.text) ?? []
  expect((await stranger.get(`/templates/${id}`)).status).toBe(404)
})
