import { parseBody } from '../src/messages/parse.ts'
import { bodyOf, type MessageUpdate, type Update } from '../src/messages/updates.ts'
import { bodyAround, messageOf, messagesBody, statusOf } from './support/meta.ts'

const NOW = new Date('2026-11-24T10:00:00Z')
const NUMBER = { phoneNumberId: '118822773344', wabaId: '900' }
const ANA = { phone: '5215550001111', name: 'Ana Ríos' }

const parse = (body: object | string): Update[] =>
  parseBody(typeof body === 'string' ? body : JSON.stringify(body), NOW)
const messagesIn = (updates: Update[]): MessageUpdate[] =>
  updates.filter((update) => update.type === 'message')
function only(body: object | string): MessageUpdate {
  const found = parse(body)
  const [message] = messagesIn(found)
  if (!message || found.length !== 1) throw new Error(`not one message: ${JSON.stringify(found)}`)
  return message
}
/** One message of a kind from Ana, as it is understood. */
const read = (more: Record<string, unknown>): MessageUpdate =>
  only(messagesBody(NUMBER, ANA, messageOf(ANA, 'hello', { timestamp: '1795400321', ...more })))
const codes = (updates: Update[]): string[] =>
  updates.flatMap((update) =>
    update.type === 'problem' ? [`${update.reason} ${update.code}`] : [],
  )

describe('a text', () => {
  test('has its words, its sender by every name, and WhatsApp’s time', () => {
    const message = read({ id: 'wamid.1' })
    expect(Object.values(message.payload).filter((value) => value !== undefined)).toEqual([])
    expect(message).toMatchObject({
      number: NUMBER.phoneNumberId,
      wamid: 'wamid.1',
      kind: 'text',
      text: 'hello',
      raw: null,
      at: new Date(1_795_400_321_000),
      opensWindow: true,
      isQuiet: false,
      sender: { phone: '5215550001111', match: '525550001111', waUserId: null, name: 'Ana Ríos' },
    })
  })

  test('says what it answers and that it was forwarded', () => {
    expect(read({ context: { from: '1555', id: 'wamid.q' } }).contextWamid).toBe('wamid.q')
    const forwarded = read({ context: { forwarded: true } })
    expect(forwarded).toMatchObject({
      contextWamid: null,
      payload: { context: { forwarded: true } },
    })
  })

  test('keeps its words when PostgreSQL would refuse them, and the original beside them', () => {
    const message = read({ text: { body: 'a\u0000b \ud83d c' } })
    expect(message.text).toBe('a\ufffdb \ufffd c')
    expect(JSON.parse(message.raw ?? '')).toMatchObject({ text: { body: 'a\u0000b \ud83d c' } })
  })

  test('of any length is kept, the rest of it sealed', () => {
    const long = read({ text: { body: 'x'.repeat(300_000) } })
    expect(long.text).toHaveLength(100_000)
    expect(long.raw).toContain('x'.repeat(300_000))
  })

  test.each([null, 7, ['x'], undefined])('with body %j is still a message', (body) => {
    expect(read({ text: { body } })).toMatchObject({ kind: 'text', text: null })
  })
})

describe('other kinds', () => {
  test('a picture keeps its declared fields and its caption', () => {
    const image = { id: '700100', mime_type: 'image/jpeg', sha256: 'abc', caption: '¿Este?' }
    expect(read({ type: 'image', image })).toMatchObject({
      kind: 'image',
      text: '¿Este?',
      payload: image,
      raw: null,
    })
  })

  test('a reaction names its target; taken back it has no emoji; neither opens the window nor counts', () => {
    const reaction = { message_id: 'wamid.x', emoji: '❤️' }
    expect(read({ type: 'reaction', reaction })).toMatchObject({
      contextWamid: 'wamid.x',
      payload: { emoji: '❤️' },
      opensWindow: false,
      isQuiet: true,
    })
    expect(read({ type: 'reaction', reaction: { message_id: 'wamid.x' } }).payload['emoji']).toBe(
      undefined,
    )
  })

  test.each([
    ['button', { button: { payload: 'p', text: 'Help' } }, 'Help'],
    [
      'interactive',
      { interactive: { type: 'list_reply', list_reply: { id: '1', title: '10:00' } } },
      '10:00',
    ],
    ['order', { order: { catalog_id: '1', text: 'Two', product_items: [] } }, 'Two'],
    [
      'edit',
      {
        edit: { original_message_id: 'wamid.o', message: { type: 'text', text: { body: 'new' } } },
      },
      'new',
    ],
    ['location', { location: { latitude: 1.5, longitude: '2' } }, null],
    [
      'contacts',
      { contacts: [{ name: { formatted_name: 'Bo' }, phones: [{ phone: '+1' }] }, {}] },
      null,
    ],
  ])('%s is understood whole', (type, content, text) => {
    expect(read({ type, ...content })).toMatchObject({ kind: type, text, raw: null })
  })

  test('a notice of the system is not the customer’s words and opens nothing', () => {
    const system = { type: 'user_changed_number', body: 'Ana changed', wa_id: '5215550002222' }
    expect(read({ type: 'system', system })).toMatchObject({
      text: null,
      opensWindow: false,
      isQuiet: true,
    })
  })

  test('an unknown kind keeps its name, nothing of it in clear, everything sealed', () => {
    const message = read({ type: 'hologram', hologram: { depth: 3, secret: 'x' } })
    expect(message.kind).toBe('hologram')
    expect(JSON.stringify(message.payload)).not.toContain('secret')
    expect(JSON.parse(message.raw ?? '')).toMatchObject({ hologram: { depth: 3, secret: 'x' } })
  })

  test('an unknown field beside known ones is only in the sealed original', () => {
    const message = read({ text: { body: 'hi', mood: 'blue' } })
    expect(message).toMatchObject({ text: 'hi' })
    expect(JSON.stringify(message.payload)).not.toContain('blue')
    expect(message.raw).toContain('blue')
  })

  test('without a usable type the content tells the kind', () => {
    expect(read({ type: null, text: { body: 'x' } }).kind).toBe('text')
    expect(read({ type: '<TYPE>', text: undefined }).kind).toBe('unknown')
  })
})

describe('times', () => {
  test.each([
    [1_795_400_321, 1_795_400_321_000],
    ['1795400321000', 1_795_400_321_000],
    ['4102444800', NOW.getTime()],
    ['0', NOW.getTime()],
    ['-1', NOW.getTime()],
    ['soon', NOW.getTime()],
    ['99999999999999999999', NOW.getTime()],
    [null, NOW.getTime()],
    [[1], NOW.getTime()],
  ])('%j', (timestamp, at) => {
    expect(read({ timestamp }).at.getTime()).toBe(at)
  })
})

describe('senders', () => {
  test('a person without a number is known by the user id, with the username bare', () => {
    const who = { userId: 'MX.55aa91', name: 'L', username: '@luz.mar' }
    expect(only(messagesBody(NUMBER, who, messageOf(who, 'Sí'))).sender).toEqual({
      waUserId: 'MX.55aa91',
      waParentId: null,
      phone: null,
      match: null,
      name: 'L',
      username: 'luz.mar',
    })
  })

  test('the number is the one WhatsApp knows, not the spelling of `from`', () => {
    const body = bodyAround(NUMBER, {
      contacts: [{ wa_id: '5511987654321' }],
      messages: [messageOf({ phone: '551187654321' }, 'x')],
    })
    expect(only(body).sender.phone).toBe('5511987654321')
  })

  test('profiles in another order, or of somebody else, do not name the wrong person', () => {
    const body = bodyAround(NUMBER, {
      contacts: [
        { wa_id: '447700900123', profile: { name: 'Else' } },
        { wa_id: '5215550001111', profile: { name: 'Ana' } },
      ],
      messages: [messageOf(ANA, 'x'), messageOf({ phone: '16505551234' }, 'y')],
    })
    expect(messagesIn(parse(body)).map(({ sender }) => sender.name)).toEqual(['Ana', null])
  })

  test('a changed user id is found by the old one', () => {
    const system = { type: 'user_changed_user_id', user_id: 'MX.new', previous_user_id: 'MX.old' }
    const body = bodyAround(NUMBER, {
      messages: [{ id: 'w', timestamp: '1795400541', type: 'system', system }],
    })
    expect(only(body).sender.waUserId).toBe('MX.old')
  })
})

describe('statuses', () => {
  const one = (status: Record<string, unknown>): Update | undefined =>
    parse(bodyAround(NUMBER, { statuses: [status] }))[0]

  test('carry time, our id, the error and the price', () => {
    const ref = '019ab3c4-0000-7000-8000-000000000001'
    const errors = [{ code: 131049, title: 'Not delivered', error_data: { details: 'd' } }]
    const status = {
      ...statusOf('wamid.o', 'failed', NOW),
      biz_opaque_callback_data: ref,
      errors,
      pricing: { category: 'service' },
    }
    expect(one(status)).toMatchObject({
      type: 'status',
      status: 'failed',
      at: NOW,
      ref,
      error: { code: '131049', title: 'Not delivered' },
      billing: { pricing: { category: 'service' } },
    })
  })

  test('played is read, and a callback that is not our id binds nothing', () => {
    const status = { ...statusOf('wamid.o', 'played', NOW), biz_opaque_callback_data: 'job:01' }
    expect(one(status)).toMatchObject({ status: 'read', ref: null })
  })

  test.each([
    [{ status: 'quantum' }, 'other status_unknown'],
    [{ id: undefined }, 'parse id'],
  ])('%j is kept aside', (more, code) => {
    expect(
      codes(parse(bodyAround(NUMBER, { statuses: [{ ...statusOf('w', 'sent', NOW), ...more }] }))),
    ).toEqual([code])
  })
})

describe('what cannot be understood', () => {
  test('stands beside its good neighbours', () => {
    const good = [messageOf(ANA, 'one'), messageOf(ANA, 'two')]
    const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`
    const bad = [null, { nonsense: true }, 'text', { ...messageOf(ANA, 'x'), id: '' }]
    const found = parseBody(
      JSON.stringify(messagesBody(NUMBER, ANA, ...good, ...(bad as never[]))).replace(
        '"nonsense":true',
        `"from":"1","nonsense":${deep}`,
      ),
      NOW,
    )
    expect(messagesIn(found).map(({ text }) => text)).toEqual(['one', 'two'])
    expect(codes(found)).toEqual(['parse message', 'parse too_deep', 'parse message', 'parse id'])
  })

  test.each([
    [{}, 'parse entry'],
    [{ object: 'page', entry: [{}] }, 'other object'],
    [{ entry: [null] }, 'parse changes'],
    [{ entry: [{ changes: ['x'] }] }, 'parse value'],
    [{ entry: [{ changes: [{ field: 'messages', value: {} }] }] }, 'parse value'],
    [{ entry: [{ changes: [{ field: 'brand_new_field', value: {} }] }] }, 'other brand_new_field'],
    [{ entry: [{ changes: [{ field: 'Odd Field!', value: {} }] }] }, 'other field'],
  ])('%j', (body, code) => {
    expect(codes(parse(body))).toEqual([code])
  })

  test('100,000 levels of nesting are one problem', () => {
    const body = `{"entry":[{"changes":[{"value":{"messages":[${'['.repeat(100_000)}${']'.repeat(100_000)}]}}]}]}`
    expect(codes(parse(body))).toEqual(['parse too_deep'])
  })

  test('an update alone makes a body that is understood the same', () => {
    const body = messagesBody(NUMBER, ANA, messageOf(ANA, 'one'), messageOf(ANA, 'two'))
    const [, second] = messagesIn(parse(body))
    if (!second?.origin) throw new Error('no second message')
    const { origin: _was, ...again } = only(bodyOf(second.origin))
    expect(second).toMatchObject(again)
  })
})
