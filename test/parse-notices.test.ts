import { parseBody } from '../src/messages/parse.ts'
import type { Update } from '../src/messages/updates.ts'

const parse = (body: object | string): Update[] =>
  parseBody(
    typeof body === 'string' ? body : JSON.stringify(body),
    new Date('2026-11-24T10:00:00Z'),
  )

describe('reports', () => {
  const report = (
    field: string,
    value: object,
    entry: object = { id: '900', time: 1_795_400_321 },
  ) => parse({ entry: [{ ...entry, changes: [{ field, value }] }] })[0]

  test('keep an id that is larger than a number can be exactly', () => {
    const json =
      '{"entry":[{"id":90071992547409931234,"changes":[{"field":"message_template_status_update","value":{"event":"APPROVED","message_template_id": 90071992547409931235}}]}]}'
    expect(parse(json)).toMatchObject([
      {
        type: 'notice',
        notice: {
          waba: '90071992547409931234',
          payload: { message_template_id: '90071992547409931235' },
        },
      },
    ])
  })

  test('know the field where samples misplace it', () => {
    const value = { event: 'PARTNER_APP_INSTALLED', waba_info: { waba_id: '4711' } }
    const inside = parse({
      entry: [{ id: '1', changes: [{ value: { ...value, field: 'account_update' } }] }],
    })
    const outside = parse({ entry: [{ id: '1', field: 'account_update', changes: [{ value }] }] })
    for (const [found] of [inside, outside])
      expect(found).toMatchObject({
        type: 'notice',
        notice: {
          field: 'account_update',
          event: 'PARTNER_APP_INSTALLED',
          waba: '4711',
          raw: null,
        },
      })
  })

  test('say `unknown` for what they do not name, and keep all of it', () => {
    expect(report('account_update', { event: ['X'], ban_info: 7 })).toMatchObject({
      notice: { event: 'unknown', payload: {}, raw: '{"event":["X"],"ban_info":7}' },
    })
  })
})
