import { EMPTY_DRAFT, wantedOf, type Draft } from '../src/templates/draft.ts'
import { draftOf } from '../src/templates/known-draft.ts'
import { faultsIn } from '../src/templates/draft-faults.ts'
import { getTemplate } from '../src/templates/templates.ts'
import { useDesk } from './support/desk.ts'
import { templateOf } from './support/graph-templates.ts'
import { agent, type Agent } from './support/inbox.ts'
import { audited } from './support/operator.ts'
import { useShelf } from './support/shelf.ts'

const desk = useDesk()
const shelf = useShelf(desk)

const FORM = {
  name: 'order_ready',
  language: 'es_MX',
  category: 'UTILITY',
  header: 'TEXT',
  header_text: 'Pedido {{order_no}}',
  body: 'Hola {{first_name}}, tu pedido está listo.',
  footer: 'Responde BAJA',
  button_type_0: 'URL',
  button_text_0: 'Ver',
  button_value_0: 'https://x.example/p/{{1}}',
  button_type_1: 'QUICK_REPLY',
  button_text_1: 'Ayuda',
  'sample.h:order_no': 'A-77',
  'sample.b:first_name': 'Ana',
  'sample.u:0': 'A-77',
}
const COMPONENTS = [
  {
    type: 'HEADER',
    format: 'TEXT',
    text: 'Pedido {{order_no}}',
    example: { header_text_named_params: [{ param_name: 'order_no', example: 'A-77' }] },
  },
  {
    type: 'BODY',
    text: 'Hola {{first_name}}, tu pedido está listo.',
    example: { body_text_named_params: [{ param_name: 'first_name', example: 'Ana' }] },
  },
  { type: 'FOOTER', text: 'Responde BAJA' },
  {
    type: 'BUTTONS',
    buttons: [
      {
        type: 'URL',
        text: 'Ver',
        url: 'https://x.example/p/{{1}}',
        example: ['https://x.example/p/A-77'],
      },
      { type: 'QUICK_REPLY', text: 'Ayuda' },
    ],
  },
]
const calls = (): object[] =>
  desk.graph.templates.calls.map(({ method, path, body }) => ({ method, path, body }))
const listed = (): Promise<object[]> =>
  shelf.see('select name, language, status, category, graph_id from templates where org_id = :org')

let admin: Agent
beforeEach(async () => {
  admin = await agent(desk.app, shelf.org, 'admin')
})

test('a template is made in Meta’s shape, is in review at once, and stands in the audit log', async () => {
  const { waba } = shelf
  const page = await admin.get('/templates/new')
  expect(page.text).toContain('id="template-editor"')
  const made = await admin.post('/templates', { ...FORM, waba })
  expect(made.status).toBe(303)
  expect(calls()).toEqual([
    {
      method: 'POST',
      path: `/v26.0/${waba}/message_templates`,
      body: {
        name: 'order_ready',
        language: 'es_MX',
        category: 'UTILITY',
        parameter_format: 'NAMED',
        components: COMPONENTS,
      },
    },
  ])
  expect(await listed()).toMatchObject([
    { name: 'order_ready', status: 'PENDING', graph_id: '77001' },
  ])
  expect((await admin.get(made.location)).text).toMatch(/id="to-delete"[^]*in review/)
  expect(await audited(desk.app, shelf.org, 'template.created')).toHaveLength(1)
  const person = await agent(desk.app, shelf.org)
  expect((await person.get('/templates/new')).status).toBe(403)
  expect((await person.post('/templates', { ...FORM, waba })).status).toBe(403)
  expect((await person.get('/templates')).text).not.toContain('id="new-template"')
})

test('what Meta would not take is said before it is asked, and what it says itself is shown as it is', async () => {
  const { waba } = shelf
  const bad = { ...FORM, waba, name: 'Order Ready', body: '{{first_name}} hello', 'sample.u:0': '' }
  const refused = await admin.post('/templates', bad)
  expect(refused.status).toBe(422)
  for (const sentence of ['small letters', 'words before the first blank', 'Give an example'])
    expect(refused.text).toContain(sentence)
  expect(refused.text).toContain('value="Pedido {{order_no}}"')
  expect(calls()).toEqual([])

  const said = 'There is already Spanish content for this template <b>.'
  desk.graph.templates.script.push({
    status: 400,
    body: { error: { message: '(#100)', code: 100, error_subcode: 2388024, error_user_msg: said } },
  })
  const told = await admin.post('/templates', { ...FORM, waba })
  expect(told.text).toContain(
    'There is already Spanish content for this template &lt;b&gt;.” (100/2388024)',
  )
  expect(await listed()).toEqual([])
  desk.graph.templates.script.push({ status: 502, body: {} })
  expect((await admin.post('/templates', { ...FORM, waba })).text).toContain('nobody knows whether')
  // What is typed is seen as on the phone, and another row for a button costs nothing that was typed.
  const seen = await admin.act('/templates/drafts/preview', FORM)
  expect(seen.text).toMatch(/Pedido <mark class="blank">A-77<\/mark>/)
  expect((await admin.act('/templates/drafts/samples', FORM)).text).toContain('sample.b:first_name')
  const more = await admin.post('/templates/drafts', {
    ...FORM,
    waba,
    button_type_2: 'QUICK_REPLY',
    button_text_2: 'Más',
  })
  expect(more.text).toMatch(/value="Más"[^]*id="button_type_3"/)
})

test('one is changed as a whole and taken away in one language, by admins', async () => {
  await shelf.stand(
    templateOf('order_ready', { components: COMPONENTS, parameter_format: 'NAMED' }),
    templateOf('waits', { status: 'PENDING' }),
  )
  desk.graph.templates.calls.length = 0
  const id = await shelf.idOf('order_ready')
  const form = await admin.get(`/templates/${id}/edit`)
  expect(form.text).toContain('Hola {{first_name}}, tu pedido está listo.')
  expect(form.text).toMatch(/name="sample.u:0" value="A-77"/)
  expect((await admin.get(`/templates/${await shelf.idOf('waits')}/edit`)).status).toBe(303)
  const changed = await admin.post(`/templates/${id}/parts`, {
    ...FORM,
    name: 'x',
    footer: 'Adiós',
  })
  expect(changed.location).toBe(`/templates/${id}`)
  const graphId = templateOf('order_ready').id
  // The category of an approved template is not Meta's to change.
  expect(calls()).toMatchObject([
    {
      method: 'POST',
      path: `/v26.0/${graphId}`,
      body: { components: expect.arrayContaining([{ type: 'FOOTER', text: 'Adiós' }]) as object },
    },
  ])
  expect(calls()[0]).not.toHaveProperty('body.category')

  expect((await admin.get(`/templates/${id}/delete`)).text).toContain(
    'cannot be used again for 30 days',
  )
  const stranger = await agent(desk.app, await desk.app.org(), 'admin')
  expect((await stranger.post(`/templates/${id}/removal`)).status).toBe(404)
  expect((await admin.post(`/templates/${id}/removal`)).status).toBe(303)
  expect(calls().at(-1)).toMatchObject({
    method: 'DELETE',
    path: `/v26.0/${shelf.waba}/message_templates?name=order_ready&hsm_id=${graphId}`,
  })
  expect((await admin.get('/templates?status=gone')).text).toContain('order_ready')
  for (const action of ['template.edited', 'template.deleted'])
    expect(await audited(desk.app, shelf.org, action)).toHaveLength(1)
})

test('a template of Meta’s comes back from a draft as it was; each rule has its sentence', async () => {
  await shelf.stand(
    templateOf('order_ready', { components: COMPONENTS, parameter_format: 'NAMED' }),
  )
  const id = await shelf.idOf('order_ready')
  const { org } = shelf
  const known = await desk.app.on.db.withTenant(org.id, (tx) => getTemplate(tx, org.id, id))
  const draft = known && draftOf(known)
  expect(draft && wantedOf(draft).components).toEqual(COMPONENTS)
  const fault = (change: Partial<Draft>): string => {
    const given = { ...EMPTY_DRAFT, name: 'a', body: 'Hello.', ...change }
    return Object.values(faultsIn(given))[0] ?? ''
  }
  expect(fault({})).toBe('')
  const reply = (text: string) => ({ type: 'QUICK_REPLY', text, value: '' })
  const link = (value: string) => ({ type: 'URL', text: value, value })
  const cases: [Partial<Draft>, RegExp][] = [
    [{ category: 'OTHER' }, /category/],
    [{ language: 'Español' }, /language/],
    [{ header: 'TEXT', header_text: 'x'.repeat(61) }, /60/],
    [{ header: 'TEXT', header_text: '*bold*' }, /none of/],
    [{ header: 'IMAGE' }, /example of the file/],
    [{ body: '' }, /Write the text/],
    [{ body: 'x'.repeat(1_025) }, /1,024/],
    [{ body: 'Hi {{1}}{{2}}!' }, /between two/],
    [{ body: 'Hi {{2}}!' }, /begin with/],
    [{ body: 'Hi {{1}} and {{name}}!' }, /not both/],
    [{ body: 'Hi {{First}}!' }, /no name for a blank/],
    [{ body: 'Hi {{1}}!' }, /Give an example/],
    [{ footer: 'x'.repeat(61) }, /60/],
    [{ footer: '{{1}}' }, /footer/],
    [{ buttons: [reply('a'), link('https://a.example'), reply('b')] }, /stand together/],
    [{ buttons: [reply('a'), reply('a')] }, /the same/],
    [{ buttons: [reply('x'.repeat(26))] }, /25/],
    [{ buttons: ['a', 'b', 'c'].map((n) => link(`https://${n}.example`)) }, /Two buttons may lead/],
    [
      { buttons: [{ ...link('https://{{1}}.example/'), text: 'Go' }] },
      /at its end|begins with https/,
    ],
    [{ buttons: [{ type: 'PHONE_NUMBER', text: 'Call', value: 'none' }] }, /country code/],
    [{ category: 'AUTHENTICATION', minutes: '91' }, /1 to 90/],
  ]
  for (const [change, sentence] of cases) expect(fault(change)).toMatch(sentence)
})
