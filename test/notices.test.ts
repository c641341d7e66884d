import { openFor } from '../src/keys.ts'
import { sweepRetention } from '../src/privacy/retention.ts'
import { startApp, type Running } from './support/app.ts'
import { arrive, read } from './support/inbound.ts'
import { member } from './support/member.ts'
import { orders } from './support/order.ts'
import type { Org } from './support/org.ts'

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
const NOW = Math.floor(Date.now() / 1000)
const bodyOf = (field: string, value: Loose, more: Loose = {}): object => ({
  object: 'whatsapp_business_account',
  entry: [{ id: org.connection.wabaId, time: NOW - 60, changes: [{ field, value }], ...more }],
})
const tell = (...bodies: object[]): Promise<void> => arrive(app.on, org, ...bodies)
const see = <T = Loose>(sql: string): Promise<T[]> => read<T>(app.on, org, sql)
const notices = (): Promise<Loose[]> =>
  see(
    'select connection_id, waba_id, field, event, payload, at from notices where org_id = :org order by received_at, id',
  )
const letters = (): Promise<Loose[]> =>
  app.on.db.withSystem(async (tx) => {
    const found: { rows: Loose[] } = await tx.raw(
      'select reason, code from dead_letters where org_id = ?',
      [org.id],
    )
    return found.rows
  })

test('a report about an account is the account’s, with Meta’s time, and stored once', async () => {
  const body = bodyOf('account_review_update', { decision: 'REJECTED' })
  await tell(body)
  await tell(body, body)
  expect(await notices()).toEqual([
    {
      connection_id: null,
      waba_id: org.connection.wabaId,
      field: 'account_review_update',
      event: 'REJECTED',
      payload: { decision: 'REJECTED' },
      at: new Date((NOW - 60) * 1000),
    },
  ])
  await tell(bodyOf('account_review_update', { decision: 'REJECTED' }, { time: NOW }))
  expect(await notices()).toHaveLength(2)
})

test('a report that shows a number is that number’s, one that names it too', async () => {
  const second = await org.connect()
  await see(
    `update connections set waba_id = '${org.connection.wabaId}', display_phone = '+44 20 7946 0123' where org_id = :org and id = '${second.id}'`,
  )
  await tell(
    bodyOf('phone_number_quality_update', {
      display_phone_number: '442079460123',
      event: 'FLAGGED',
      current_limit: 'TIER_10K',
    }),
    bodyOf('account_settings_update', {
      phone_number_settings: { phone_number_id: second.phoneNumberId },
    }),
    bodyOf('security', { display_phone_number: '15550100', event: 'PIN_CHANGED' }),
  )
  expect(await notices()).toMatchObject(
    [
      { connection_id: second.id, event: 'FLAGGED' },
      { connection_id: second.id, event: 'settings' },
      { connection_id: org.connection.id, event: 'PIN_CHANGED' },
    ].toSorted(() => 0),
  )
})

test('a report about another organization’s account is not stored with ours', async () => {
  const other = await app.org()
  await tell(
    bodyOf('account_alerts', { alert_type: 'OBA_APPROVED' }, { id: other.connection.wabaId }),
  )
  expect(await notices()).toEqual([])
  expect(await letters()).toEqual([{ reason: 'unknown_number', code: null }])
  // An account nobody has stays with the connection it was sent to.
  await tell(bodyOf('account_alerts', { alert_type: 'OBA_APPROVED' }, { id: '4711' }))
  expect(await notices()).toMatchObject([{ connection_id: org.connection.id, waba_id: null }])
})

test('what is not declared is nowhere in clear, readable with the key, and gone after 14 days', async () => {
  const groups = [
    {
      type: 'group_participants_add',
      group_id: 'g1',
      added_participants: [{ wa_id: '15550999222' }],
    },
  ]
  const metadata = { phone_number_id: org.connection.phoneNumberId }
  await tell(
    bodyOf('group_participants_update', { metadata, groups }),
    bodyOf('account_update', { event: 'BRAND_NEW', secret: 'Zanzibar' }),
  )
  const clear = JSON.stringify(await see('select * from notices where org_id = :org'))
  expect(clear).toContain('BRAND_NEW')
  expect(clear).not.toMatch(/15550999222|Zanzibar/)
  const [original] = await see<{ notice_id: string; raw: string }>(
    `select * from notice_originals where org_id = :org and notice_id = (select id from notices where org_id = :org and event = 'BRAND_NEW')`,
  )
  const place = { purpose: 'notice_originals|raw', org: org.id, row: original?.notice_id ?? '' }
  const raw = await app.on.db.withTenant(org.id, (tx) =>
    openFor(app.on, tx, place, original?.raw ?? ''),
  )
  expect(JSON.parse(raw.toString())).toEqual({ event: 'BRAND_NEW', secret: 'Zanzibar' })

  await sweepRetention(app.on, new Date(Date.now() + 15 * 86_400_000))
  expect(await see('select notice_id from notice_originals where org_id = :org')).toEqual([])
  expect(await notices()).toHaveLength(2)
})

test('the same error on another day is another report', async () => {
  const errors = [{ code: 130429, title: 'Rate limit hit' }]
  const metadata = { phone_number_id: org.connection.phoneNumberId }
  const body = bodyOf('messages', { metadata, errors }, { time: undefined })
  await tell(body)
  await tell(body)
  expect(await notices()).toMatchObject([
    { field: 'errors', event: 'error', payload: { code: 130429 } },
  ])
})

test('a template is where the newest words say, in whatever order they come', async () => {
  const say = (name: string) => {
    const template = {
      message_template_id: '90071992547409931234',
      message_template_name: name,
      message_template_language: 'es-MX',
    }
    const word = (field: string, value: Loose, seconds: number): object =>
      bodyOf(field, { ...template, ...value }, { time: NOW - seconds })
    const change = NOW + 86_400
    return [
      word(
        'message_template_status_update',
        { event: 'APPROVED', message_template_category: 'UTILITY' },
        90,
      ),
      word('message_template_status_update', { event: 'PAUSED', reason: 'NONE' }, 50),
      // Meta's own sample files a quality report under the field of the status.
      word('message_template_status_update', { new_quality_score: 'RED' }, 60),
      word(
        'template_category_update',
        {
          new_category: 'UTILITY',
          correct_category: 'MARKETING',
          category_update_timestamp: change,
        },
        40,
      ),
    ]
  }
  const every = orders([0, 1, 2, 3]).filter((_order, n) => n % 3 === 0)
  for (const [n, order] of every.entries()) {
    const words = say(`ready_${n}`)
    for (const at of order) await tell(words[at] ?? {})
  }
  const found = await see(
    'select distinct language, graph_id, status, reason, category, next_category, quality from templates where org_id = :org',
  )
  expect(found).toEqual([
    {
      language: 'es_MX',
      graph_id: '90071992547409931234',
      status: 'PAUSED',
      reason: null,
      category: 'UTILITY',
      next_category: 'MARKETING',
      quality: 'RED',
    },
  ])
  expect(await see('select id from templates where org_id = :org')).toHaveLength(every.length)
})

describe('an admin', () => {
  test('sees on the card what is true now, and on a page of its own all that was reported', async () => {
    const report = (field: string, value: Loose, seconds: number): object =>
      bodyOf(field, value, { time: NOW - seconds })
    const restriction = (expiration: number): Loose => ({
      event: 'ACCOUNT_RESTRICTION',
      restriction_info: [{ restriction_type: 'RESTRICTED_BIZ_INITIATED_MESSAGING', expiration }],
    })
    await tell(
      report(
        'account_update',
        { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'DISABLE' } },
        500,
      ),
      report('account_update', { event: 'ACCOUNT_RECONNECTED' }, 400),
      report('account_update', restriction(NOW - 60), 300),
      report(
        'phone_number_quality_update',
        { display_phone_number: '15550100', event: 'FLAGGED' },
        200,
      ),
      report(
        'message_template_status_update',
        {
          event: 'PAUSED',
          message_template_name: 'order_ready',
          message_template_language: 'es_MX',
        },
        100,
      ),
    )
    const admin = await member(app, org, 'admin')
    const card = await (await admin.get('/settings/connections')).text()
    expect(card).toContain('Quality low: people block or report this number')
    // Replaced by a newer word, over, and no state of the number.
    expect(card).not.toMatch(/has disabled the account|has restricted|order_ready/)

    const page = await (
      await admin.get(`/settings/connections/${org.connection.id}/reports`)
    ).text()
    const titles = [...page.matchAll(/<li id="report-[^>]*>.*?<bdi>(.*?)<\/bdi>/gs)].map(
      ([, title]) => title,
    )
    expect(titles).toEqual([
      'Template “order_ready” (es_MX): paused',
      'Quality low: people block or report this number',
      'Meta has restricted the account',
      'The number of the phone app is back',
      'Meta has disabled the account',
    ])
    expect(page).toMatch(/<th scope="row"><bdi>order_ready<\/bdi>/)
    await tell(report('account_update', restriction(NOW + 3_600), 50))
    expect(await (await admin.get('/settings/connections')).text()).toContain(
      'Meta has restricted the account',
    )
  })

  test('finds no reports of another organization’s number', async () => {
    const other = await app.org()
    const admin = await member(app, org, 'admin')
    const page = await admin.get(`/settings/connections/${other.connection.id}/reports`)
    expect(page.status).toBe(404)
  })
})
