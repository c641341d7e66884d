import { getConversation } from '../src/inbox/conversations.ts'
import { thread, type Message } from '../src/messages/messages.ts'
import { queueMessage } from '../src/sending/outbox.ts'
import { useDesk } from './support/desk.ts'
import { byProgram, type Talk } from './support/talk.ts'

const desk = useDesk()

const write = (talk: Talk, body: object): Promise<Message> =>
  queueMessage(desk.app.on, talk.bell.org, { conversation: talk.id, body, cause: byProgram })

const messages = (talk: Talk): Promise<Message[]> =>
  desk.app.on.db.withTenant(talk.bell.org, (tx) => thread(tx, talk.bell.org, talk.id, { limit: 9 }))

const text = (body: string): object => ({ type: 'text', text: { body } })

describe('the body', () => {
  const wamid = 'wamid.THEIRS'
  const taken: [string, object, object, { text: string | null; context_wamid: string | null }][] = [
    [
      'text with a preview of its link',
      { type: 'text', text: { body: 'See https://shop.example', preview_url: true } },
      { type: 'text', text: { body: 'See https://shop.example', preview_url: true } },
      { text: 'See https://shop.example', context_wamid: null },
    ],
    [
      'text that quotes',
      { type: 'text', text: { body: 'Yes' }, context: { message_id: wamid } },
      { type: 'text', text: { body: 'Yes' }, context: { message_id: wamid } },
      { text: 'Yes', context_wamid: wamid },
    ],
    [
      'an image by link with the envelope of another program',
      {
        messaging_product: 'whatsapp',
        to: '+1',
        type: 'image',
        image: { link: 'https://shop.example/a.jpg', caption: 'Blue' },
      },
      { type: 'image', image: { link: 'https://shop.example/a.jpg', caption: 'Blue' } },
      { text: 'Blue', context_wamid: null },
    ],
    [
      'an image by id',
      { type: 'image', image: { id: '990011' } },
      { type: 'image', image: { id: '990011' } },
      { text: null, context_wamid: null },
    ],
    [
      'a reaction',
      { type: 'reaction', reaction: { message_id: wamid, emoji: '👍🏽' } },
      { type: 'reaction', reaction: { message_id: wamid, emoji: '👍🏽' } },
      { text: '👍🏽', context_wamid: wamid },
    ],
    [
      'a reaction taken back',
      { type: 'reaction', reaction: { message_id: wamid, emoji: '' } },
      { type: 'reaction', reaction: { message_id: wamid, emoji: '' } },
      { text: null, context_wamid: wamid },
    ],
    [
      'a location',
      { type: 'location', location: { latitude: -23.55, longitude: -46.63, name: 'Shop' } },
      { type: 'location', location: { latitude: -23.55, longitude: -46.63, name: 'Shop' } },
      { text: null, context_wamid: null },
    ],
    [
      'contacts',
      { type: 'contacts', contacts: [{ name: { formatted_name: 'Ana', first_name: 'Ana' } }] },
      { type: 'contacts', contacts: [{ name: { formatted_name: 'Ana', first_name: 'Ana' } }] },
      { text: null, context_wamid: null },
    ],
    [
      'buttons, with a field we do not know',
      { type: 'interactive', interactive: { ...buttons(2), future: 1 } },
      { type: 'interactive', interactive: { ...buttons(2), future: 1 } },
      { text: 'Which one?', context_wamid: null },
    ],
    [
      'a list',
      { type: 'interactive', interactive: list(10) },
      { type: 'interactive', interactive: list(10) },
      { text: 'Which one?', context_wamid: null },
    ],
  ]

  test.each(taken)('%s is taken and posted as it is', async (_name, body, posted, kept) => {
    const talk = await desk.talk()
    const { id } = await write(talk, body)
    expect(await talk.message(id)).toMatchObject(kept)
    await desk.drained(talk)
    expect(desk.graph.calls[0]?.body).toEqual({
      messaging_product: 'whatsapp',
      recipient_type: 'individual',
      to: talk.to,
      ...posted,
      biz_opaque_callback_data: id,
    })
  })

  const refused: [string, object][] = [
    ['no type', { text: { body: 'x' } }],
    ['a type that is not sent', { type: 'poll', poll: { id: '1' } }],
    ['a type without its object', { type: 'text' }],
    ['an empty text', text('')],
    ['a blank text', text(' \n ')],
    ['4097 characters', text('x'.repeat(4_097))],
    ['a NUL', text('a\u0000b')],
    ['half a surrogate pair', text('a\ud83d')],
    ['an image without source', { type: 'image', image: { caption: 'x' } }],
    ['an image with two sources', { type: 'image', image: { id: '1', link: 'https://a.example' } }],
    ['an image from a script', { type: 'image', image: { link: 'javascript:alert(1)' } }],
    ['a caption of 1025', { type: 'image', image: { id: '1', caption: 'x'.repeat(1_025) } }],
    ['a reaction to nothing', { type: 'reaction', reaction: { emoji: '👍' } }],
    ['a place off the globe', { type: 'location', location: { latitude: 91, longitude: 0 } }],
    ['no contact', { type: 'contacts', contacts: [] }],
    [
      'a template name with blanks',
      { type: 'template', template: { name: 'A b', language: { code: 'en' } } },
    ],
    ['a template without language', { type: 'template', template: { name: 'a' } }],
    ['four buttons', { type: 'interactive', interactive: buttons(4) }],
    ['a button title of 21', { type: 'interactive', interactive: buttons(1, 'x'.repeat(21)) }],
    ['two buttons of one title', { type: 'interactive', interactive: buttons(2, 'Same') }],
    ['eleven rows', { type: 'interactive', interactive: list(11) }],
    [
      '70 KB',
      { type: 'location', location: { latitude: 1, longitude: 1, more: 'x'.repeat(70_000) } },
    ],
  ]

  test.each(refused)('%s is refused and nothing is stored', async (_name, body) => {
    const talk = await desk.talk()
    await expect(write(talk, body)).rejects.toMatchObject({ status: 422, code: 'invalid' })
    expect(await messages(talk)).toHaveLength(0)
  })

  test('what has no words is listed by its kind, and long words are cut between characters', async () => {
    const talk = await desk.talk()
    const preview = async (): Promise<unknown> =>
      desk.app.on.db.withTenant(talk.bell.org, async (tx) => {
        const found = await getConversation(tx, talk.bell.org, talk.id)
        return found?.last_message_preview
      })
    await write(talk, { type: 'image', image: { id: '1' } })
    expect(await preview()).toBe('[image]')
    await write(talk, text('😀'.repeat(200)))
    expect(await preview()).toBe('😀'.repeat(60))
  })
})

function buttons(n: number, title?: string): object {
  return {
    type: 'button',
    body: { text: 'Which one?' },
    action: {
      buttons: Array.from({ length: n }, (_, i) => ({
        type: 'reply',
        reply: { id: `b${i}`, title: title ?? `Button ${i}` },
      })),
    },
  }
}

function list(rows: number): object {
  const half = (from: number, to: number): object[] =>
    Array.from({ length: to - from }, (_, i) => ({ id: `r${from + i}`, title: `Row ${from + i}` }))
  return {
    type: 'list',
    body: { text: 'Which one?' },
    action: {
      button: 'Choose',
      sections: [
        { title: 'A', rows: half(0, 5) },
        { title: 'B', rows: half(5, rows) },
      ],
    },
  }
}
