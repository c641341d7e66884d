import { byPerson } from '../../src/audit/audit.ts'
import { advanceDue } from '../../src/deletions/advance.ts'
import { listKept } from '../../src/ops/mail.ts'
import { approveAnswer } from '../../src/rights/answers.ts'
import type { At } from '../../src/rights/desk.ts'
import {
  findRequest,
  openRequest,
  type PrivacyRequest,
  type Wish,
} from '../../src/rights/request.ts'
import { tendRequests } from '../../src/rights/tend.ts'
import type { Kind } from '../../src/rights/vocabulary.ts'
import type { Running } from './app.ts'
import { arrive, read } from './inbound.ts'
import { messageOf, messagesBody, newCustomer, seconds } from './meta.ts'
import type { Org, Person } from './org.ts'

/** An organization whose admin answers requests, a customer who makes them, and somebody who asks by mail. */
export type RightsDesk = {
  org: Org
  admin: Person
  /** Where whoever asks by mail reads the answer. */
  reader: string
  /** A request by mail at the organization's desk, or at the installation's. */
  open(wish?: Partial<Wish>): Promise<At>
  find(at: Pick<At, 'org' | 'id'>): Promise<PrivacyRequest>
  /** What was mailed to an address, the latest first. */
  mailTo(address: string): Promise<{ subject: string; text: string }[]>
  /** The customer writes, and Meta tells us. */
  says(text: string, to?: Org): Promise<void>
  approve(kind: Kind, body: string): Promise<void>
  /** Requests at the organization's desk, the first first. */
  asked(): Promise<PrivacyRequest[]>
  /** Texts that went out to customers. */
  sent(): Promise<string[]>
  /** The six digits in the latest of them. */
  code(): Promise<string>
  people(): Promise<{ id: string }[]>
  /** Whatever waits besides people is done. */
  settle(): Promise<void>
}

export async function openRightsDesk(app: Running): Promise<RightsDesk> {
  const { on } = app
  const org = await app.org()
  const admin = await org.person('admin')
  const reader = `reader-${org.id}@example.test`
  const by = byPerson({ user: admin.id })
  const customer = newCustomer()
  const sent = async (): Promise<string[]> => {
    const found = await read<{ text: string }>(
      on,
      org,
      `select text from messages where org_id = :org and direction = 'out' order by created_at, id`,
    )
    return found.map(({ text }) => text)
  }
  return {
    org,
    admin,
    reader,
    async open(wish = {}) {
      const at = wish.org === undefined ? org.id : wish.org
      const texts = { asked: 'Please tell me', address: reader }
      const basis = { kind: 'access', road: 'mail', by, texts } as const
      const { id } = await openRequest(on, { ...basis, ...wish, org: at })
      return { org: at, id, by }
    },
    async find({ org: at, id }) {
      const found = await (at === null
        ? on.db.withSystem((tx) => findRequest(tx, null, id))
        : on.db.withTenant(at, (tx) => findRequest(tx, at, id)))
      if (!found) throw new Error('no such request')
      return found
    },
    mailTo: async (address) => (await listKept(on, 500)).filter(({ to }) => to === address),
    says(text, to = org) {
      const more = { timestamp: seconds(on.now()), text: { body: text } }
      return arrive(on, to, messagesBody(to.connection, customer, messageOf(customer, text, more)))
    },
    approve: (kind, body) =>
      approveAnswer(on, { org: org.id, user: admin.id }, { kind, language: 'en', body }),
    asked: () =>
      read(on, org, 'select * from privacy_requests where org_id = :org order by recorded_at, id'),
    sent,
    code: async () => /\d{6}/.exec((await sent()).at(-1) ?? '')?.[0] ?? '',
    people: () => read(on, org, 'select id from contacts where org_id = :org'),
    async settle() {
      await tendRequests(on, on.now())
      await advanceDue(on, { now: on.now() })
      await tendRequests(on, on.now())
    },
  }
}

/** Six digits that are not these. */
export const otherCode = (code: string): string =>
  String((Number(code) + 1) % 1_000_000).padStart(6, '0')

/** Of the reference: received, one month later, and the earlier of that and thirty days. */
export const VECTORS = [
  ['2026-01-29T08:00:00Z', '2026-02-28T08:00:00Z', '2026-02-28T08:00:00Z'],
  ['2026-01-30T08:00:00Z', '2026-02-28T08:00:00Z', '2026-02-28T08:00:00Z'],
  ['2026-01-31T10:00:00Z', '2026-02-28T10:00:00Z', '2026-02-28T10:00:00Z'],
  ['2026-02-13T00:00:00Z', '2026-03-13T00:00:00Z', '2026-03-13T00:00:00Z'],
  ['2026-03-15T12:00:00Z', '2026-04-15T12:00:00Z', '2026-04-14T12:00:00Z'],
  ['2026-03-29T00:30:00Z', '2026-04-29T00:30:00Z', '2026-04-28T00:30:00Z'],
  ['2026-08-31T00:00:00Z', '2026-09-30T00:00:00Z', '2026-09-30T00:00:00Z'],
  ['2026-10-25T00:30:00Z', '2026-11-25T00:30:00Z', '2026-11-24T00:30:00Z'],
  ['2026-12-31T23:59:59Z', '2027-01-31T23:59:59Z', '2027-01-30T23:59:59Z'],
  ['2028-01-31T10:00:00Z', '2028-02-29T10:00:00Z', '2028-02-29T10:00:00Z'],
  ['2028-02-29T06:30:00Z', '2028-03-29T06:30:00Z', '2028-03-29T06:30:00Z'],
] as const
