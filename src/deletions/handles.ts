import { rows } from '../db.ts'
import type { Resources } from '../resources.ts'
import type { Deletion } from './deletion.ts'
import type { Identity } from './suppressions.ts'

/** Names are too common to be searched for; what is shorter than this is, too. */
const SHORTEST = 6
const MOST = 200

export type Found = { values: string[]; identities: Identity[]; members: string[] }

/** Who the subject is, read before anything goes: what must be nowhere afterwards, and what must not come back. */
export async function readSubject(on: Resources, deletion: Deletion): Promise<Found> {
  const { kind, subject_id: id } = deletion
  const org = deletion.org_id ?? ''
  if (kind === 'contact') return readContact(on, org, id)
  return kind === 'org' ? readOrganization(on, id) : readPerson(on, id)
}

async function readContact(on: Resources, org: string, id: string): Promise<Found> {
  const [identities, mails] = await on.db.withTenant(org, async (tx) => [
    await rows<Identity>(
      tx,
      'select kind, value from contact_identities where org_id = ? and contact_id = ?',
      [org, id],
    ),
    await rows<{ email: string | null }>(
      tx,
      'select email from contacts where org_id = ? and id = ?',
      [org, id],
    ),
  ])
  const values = [...identities.map(({ value }) => value), ...mails.map(({ email }) => email)]
  return { values: searchable(values), identities, members: [] }
}

async function readOrganization(on: Resources, org: string): Promise<Found> {
  return on.db.withTenant(org, async (tx) => {
    const numbers = await rows<{ phone_number_id: string; waba_id: string }>(
      tx,
      'select phone_number_id, waba_id from connections where org_id = ?',
      [org],
    )
    const members = await rows<{ id: string; email: string }>(
      tx,
      'select u.id, u.email from memberships m join users u on u.id = m.user_id where m.org_id = ?',
      [org],
    )
    const people = await rows<{ value: string }>(
      tx,
      `select value from contact_identities where org_id = ? and kind in ('phone', 'wa_user_id') limit ${MOST}`,
      [org],
    )
    return {
      values: searchable(people.map(({ value }) => value)),
      identities: numbers.map(({ phone_number_id: value }) => ({ kind: 'number', value })),
      members: members.map(({ id }) => id),
    }
  })
}

async function readPerson(on: Resources, id: string): Promise<Found> {
  const found = await on.db.withSystem((tx) =>
    rows<{ email: string }>(tx, 'select email from users where id = ?', [id]),
  )
  return { values: searchable(found.map(({ email }) => email)), identities: [], members: [] }
}

const searchable = (values: (string | null)[]): string[] => [
  ...new Set(values.filter((value): value is string => (value?.length ?? 0) >= SHORTEST)),
]
