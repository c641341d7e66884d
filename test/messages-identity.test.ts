import { getContact } from '../src/contacts/contacts.ts'
import { messageByWamid, type Message } from '../src/messages/messages.ts'
import { startApp, type Running } from './support/app.ts'
import { arrive, picture, read } from './support/inbound.ts'
import {
  bodyAround,
  messageOf,
  messagesBody,
  newCustomer,
  seconds,
  statusOf,
} from './support/meta.ts'
import type { Org } from './support/org.ts'
import { openTalk } from './support/talk.ts'

let app: Running
let org: Org
beforeAll(async () => {
  app = await startApp({ workers: false })
})
afterAll(() => app.stop())
beforeEach(async () => {
  org = await app.org()
})

type Loose = Record<string, unknown>
const START = Math.floor(Date.now() / 1000) * 1000
const ago = (minutes: number): Date => new Date(START - minutes * 60_000)
const at = (minutes: number): { timestamp: string } => ({ timestamp: seconds(ago(minutes)) })
const tell = (...bodies: object[]): Promise<void> => arrive(app.on, org, ...bodies)
const see = <T = Loose>(sql: string): Promise<T[]> => read<T>(app.on, org, sql)
const bodyOf = (field: string, value: Loose): object => bodyAround(org.connection, value, field)
const byWamid = (wamid: string): Promise<Message | undefined> =>
  app.on.db.withTenant(org.id, (tx) => messageByWamid(tx, org.id, wamid))

describe('a person', () => {
  const suggestions = (): Promise<Loose[]> =>
    see('select reason from merge_suggestions where org_id = :org')
  const contactOf = async (wamid: string) => {
    const message = await byWamid(wamid)
    return app.on.db.withTenant(org.id, (tx) => getContact(tx, org.id, message?.contact_id ?? ''))
  }
  const system = (more: Loose): Loose => ({ id: 'wamid.s', type: 'system', ...at(5), ...more })

  test('with a new number stays the same contact, and is written to there', async () => {
    const ana = { ...newCustomer(), userId: 'MX.old' }
    await tell(messagesBody(org.connection, ana, messageOf(ana, 'hi', { id: 'wamid.1', ...at(9) })))
    const news = {
      type: 'user_changed_number',
      wa_id: '15550888001',
      user_id: 'MX.new',
      previous_user_id: 'MX.old',
    }
    await tell(
      bodyAround(org.connection, { messages: [system({ from: ana.phone, system: news })] }),
    )
    expect(await contactOf('wamid.1')).toMatchObject({ phone: '15550888001', wa_user_id: 'MX.new' })
    const again = { phone: '15550888001' }
    await tell(messagesBody(org.connection, again, messageOf(again, 'me', { id: 'wamid.2' })))
    expect((await contactOf('wamid.2'))?.id).toBe((await contactOf('wamid.1'))?.id)
    expect(await suggestions()).toEqual([])
  })

  test('with a number that is somebody else’s is never joined silently', async () => {
    const [ana, bo] = [newCustomer(), newCustomer()]
    for (const who of [ana, bo])
      await tell(messagesBody(org.connection, who, messageOf(who, 'hi', at(9))))
    const news = { type: 'user_changed_number', wa_id: bo.phone }
    const body = bodyAround(org.connection, {
      messages: [system({ from: ana.phone, system: news })],
    })
    await tell(body)
    await tell(body)
    expect(await suggestions()).toEqual([{ reason: 'changed_number' }])
    expect(await picture(app.on, org)).toMatchObject({ counts: { contacts: 2 } })
  })

  test('known by a user id and by a number is suggested to be one when a message shows both', async () => {
    const both = { ...newCustomer(), userId: 'MX.77' }
    for (const who of [{ userId: 'MX.77' }, { phone: both.phone }, both])
      await tell(messagesBody(org.connection, who, messageOf(who, 'x')))
    expect(await picture(app.on, org)).toMatchObject({ counts: { contacts: 2 } })
    expect(await suggestions()).toEqual([{ reason: 'same_message' }])
  })

  test('who shares the number they were asked for gets it', async () => {
    const luz = { userId: 'MX.luz', username: 'luz' }
    const card = {
      type: 'contacts',
      origin: 'contact_request',
      contacts: [{ phones: [{ phone: '+1 555 088-8002', wa_id: '15550888002' }] }],
    }
    await tell(messagesBody(org.connection, luz, messageOf(luz, '', { id: 'wamid.c', ...card })))
    expect(await contactOf('wamid.c')).toMatchObject({ phone: '15550888002', wa_user_id: 'MX.luz' })
  })

  test('whom only receipts name by a user id is known by it when the number is hidden', async () => {
    const talk = await openTalk(app.on, org, { phone: '15550888003' })
    const receipt = { recipient_id: '15550888003', recipient_user_id: 'MX.kai' }
    await tell(
      bodyAround(org.connection, { statuses: [statusOf('wamid.z', 'sent', ago(1), receipt)] }),
    )
    const kai = { userId: 'MX.kai' }
    await tell(messagesBody(org.connection, kai, messageOf(kai, 'hi', { id: 'wamid.k' })))
    expect((await contactOf('wamid.k'))?.id).toBe(talk.contact)
  })

  test('is found by the id they have for all of a managed business', async () => {
    const parent = { from_parent_user_id: 'US.ENT.1' }
    const [first, second] = [{ userId: 'US.a' }, { userId: 'US.b' }]
    await tell(
      messagesBody(org.connection, first, messageOf(first, 'x', { id: 'wamid.p1', ...parent })),
    )
    await tell(
      messagesBody(org.connection, second, messageOf(second, 'y', { id: 'wamid.p2', ...parent })),
    )
    expect((await contactOf('wamid.p2'))?.id).toBe((await contactOf('wamid.p1'))?.id)
  })

  test('has what they told WhatsApp last, whichever word came first', async () => {
    const ana = newCustomer()
    const wish = (value: string, minutes: number): object =>
      bodyOf('user_preferences', {
        contacts: [{ wa_id: ana.phone }],
        user_preferences: [
          {
            wa_id: ana.phone,
            category: 'marketing_messages',
            value,
            timestamp: Number(seconds(ago(minutes))),
          },
        ],
      })
    await tell(wish('resume', 3))
    await tell(wish('stop', 9))
    expect(
      await see('select category, value, at from contact_preferences where org_id = :org'),
    ).toEqual([{ category: 'marketing_messages', value: 'resume', at: ago(3) }])
    expect(await see('select unread, status from conversations where org_id = :org')).toMatchObject(
      [{ unread: 0, status: 'resolved' }],
    )
  })

  test('is called as the phone’s address book says, unless an agent said otherwise', async () => {
    const ana = { ...newCustomer(), name: 'ana ✨' }
    const entry = (action: string, full_name: string, minutes: number): object =>
      bodyOf('smb_app_state_sync', {
        state_sync: [
          {
            type: 'contact',
            action,
            contact: { full_name, phone_number: ana.phone },
            metadata: at(minutes),
          },
        ],
      })
    const name = async (): Promise<unknown> =>
      (await see('select name from contacts where org_id = :org'))[0]?.['name']
    await tell(entry('add', 'Ana Ríos', 9))
    await tell(messagesBody(org.connection, ana, messageOf(ana, 'hi', at(8))))
    expect(await name()).toBe('Ana Ríos')
    await tell(entry('remove', '', 5), entry('add', 'Older', 7))
    expect(await name()).toBe('ana ✨')
    await see(`update contacts set name = 'VIP' where org_id = :org`)
    await tell(entry('add', 'Ana R.', 2))
    expect(await name()).toBe('VIP')
    await tell(
      bodyOf('smb_app_state_sync', {
        state_sync: [
          { type: 'contact', action: 'remove', contact: { phone_number: '15550999000' } },
        ],
      }),
    )
    expect(await see('select id from contacts where org_id = :org')).toHaveLength(1)
  })
})
