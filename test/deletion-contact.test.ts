import { advanceDue } from '../src/deletions/advance.ts'
import { isCertified, publishedKeys, Signed } from '../src/deletions/certificate.ts'
import { findDeletion } from '../src/deletions/deletion.ts'
import { requestDeletion, type Asked } from '../src/deletions/request.ts'
import { statusOf as publicStatus } from '../src/deletions/status.ts'
import { newId } from '../src/ids.ts'
import { SYSTEM } from '../src/audit/audit.ts'
import { startApp, type Running } from './support/app.ts'
import { arrive, read } from './support/inbound.ts'
import { bodyAround, messageOf, messagesBody, newCustomer, statusOf } from './support/meta.ts'
import type { Org } from './support/org.ts'

let app: Running
let org: Org
let now = new Date('2026-11-20T10:00:00Z')
beforeAll(async () => {
  app = await startApp({ workers: false, now: () => now })
})
beforeEach(async () => {
  now = new Date('2026-11-20T10:00:00Z')
  org = await app.org()
})
afterAll(() => app.stop())

const at = (iso: string): Record<string, unknown> => ({ timestamp: String(Date.parse(iso) / 1000) })
const contactOf = async (of = org): Promise<string> => {
  const [found] = await read<{ id: string }>(
    app.on,
    of,
    'select id from contacts where org_id = :org',
  )
  return found?.id ?? ''
}
const count = async (table: string, of = org): Promise<number> => {
  const [found] = await read<{ n: number }>(
    app.on,
    of,
    `select count(*)::int as n from ${table} where org_id = :org`,
  )
  return found?.n ?? -1
}
const erase = async (subject: string, of = org): Promise<Asked> => {
  const asked = await requestDeletion(app.on, {
    kind: 'contact',
    org: of.id,
    subject,
    road: 'agent',
    by: SYSTEM,
  })
  const done = await advanceDue(app.on, { now })
  expect(done.failed).toEqual([])
  return asked
}

describe('erasing a contact', () => {
  test('removes the person and everything said, in this organization only', async () => {
    const [ana, ben] = [newCustomer(), newCustomer()]
    const other = await app.org()
    for (const one of [org, other])
      await arrive(
        app.on,
        one,
        messagesBody(one.connection, ana, messageOf(ana, 'Do you have this in blue?')),
      )
    const subject = await contactOf()
    await arrive(app.on, org, messagesBody(org.connection, ben, messageOf(ben, 'Hello')))
    const { code } = await erase(subject)
    expect([
      await count('contacts'),
      await count('messages'),
      await count('contact_identities'),
    ]).toEqual([1, 1, 2])
    expect([await count('contacts', other), await count('messages', other)]).toEqual([1, 1])
    const found = await findDeletion(app.on, code)
    expect(found?.state).toBe('purged')
    expect(found?.steps['rows']?.counts).toMatchObject({
      contacts: 1,
      messages: 1,
      conversations: 1,
    })
  })

  test('ends in a certificate that names nobody and that nobody can alter', async () => {
    const ana = newCustomer()
    await arrive(app.on, org, messagesBody(org.connection, ana, messageOf(ana, 'Hello')))
    const subject = await contactOf()
    const { code } = await erase(subject)
    const found = await findDeletion(app.on, code)
    if (!found) throw new Error('no deletion')
    const signed = Signed.parse(publicStatus(found))
    const trusted = publishedKeys(app.on.vault)
    expect(isCertified(signed, trusted)).toBe(true)
    const altered = { ...signed, certificate: { ...signed.certificate, kind: 'org' } }
    expect(isCertified(altered, trusted)).toBe(false)
    expect(isCertified(signed, ['A'.repeat(43)])).toBe(false)
    const text = JSON.stringify(publicStatus(found))
    for (const secret of [ana.phone, ana.name ?? '?', subject, org.id, code])
      expect(text).not.toContain(secret)
  })

  test('keeps away what WhatsApp delivers late, and takes what the person writes afterwards as somebody new', async () => {
    const ana = newCustomer()
    const said = (text: string, iso: string) =>
      messagesBody(org.connection, ana, messageOf(ana, text, at(iso)))
    await arrive(app.on, org, said('first', '2026-11-20T09:00:00Z'))
    const subject = await contactOf()
    await erase(subject)
    now = new Date('2026-11-27T09:59:00Z')
    await arrive(app.on, org, said('late', '2026-11-20T09:59:59Z'))
    expect([await count('contacts'), await count('messages')]).toEqual([0, 0])
    await arrive(app.on, org, said('again', '2026-11-27T09:58:00Z'))
    expect([await count('contacts'), await count('messages')]).toEqual([1, 1])
    expect(await contactOf()).not.toBe(subject)
  })

  test('drops receipts of what is gone, and keeps those of what is said anew', async () => {
    const ana = newCustomer()
    await arrive(
      app.on,
      org,
      messagesBody(org.connection, ana, messageOf(ana, 'Hello', at('2026-11-20T09:00:00Z'))),
    )
    await erase(await contactOf())
    const receipt = (wamid: string, to: string) =>
      bodyAround(org.connection, { statuses: [statusOf(wamid, 'read', now, { recipient_id: to })] })
    await arrive(app.on, org, receipt('wamid.gone', ana.phone))
    expect(await count('message_events')).toBe(0)
    await arrive(app.on, org, receipt('wamid.other', newCustomer().phone))
    expect(await count('message_events')).toBe(1)
  })

  test('asked for twice is one deletion with one code', async () => {
    const ana = newCustomer()
    await arrive(app.on, org, messagesBody(org.connection, ana, messageOf(ana, 'Hello')))
    const wish = {
      kind: 'contact' as const,
      org: org.id,
      subject: await contactOf(),
      road: 'agent' as const,
      by: SYSTEM,
    }
    const asked = await Promise.all([requestDeletion(app.on, wish), requestDeletion(app.on, wish)])
    expect(asked[0]).toEqual(asked[1])
  })

  test('of somebody who is not there, or somebody else’s, is 404', async () => {
    const ana = newCustomer()
    const other = await app.org()
    await arrive(app.on, other, messagesBody(other.connection, ana, messageOf(ana, 'Hello')))
    for (const subject of [newId(), await contactOf(other)])
      await expect(erase(subject)).rejects.toMatchObject({ status: 404 })
  })
})
