import { audit, SYSTEM, type AuditActor } from '../audit/audit.ts'
import { rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { checkEmail, checkName } from './fields.ts'
import { checkPassword } from './password-rules.ts'
import { hashPassword } from './passwords.ts'
import type { Role } from './roles.ts'

/**
 * A person's row comes first and without rights; `preferences.signup` says what is still to be made. It goes when the
 * membership is there, so that a process that dies in between leaves a beginning that can be begun again.
 * Until then the address counts as free and nobody can sign in with it.
 */
export type Beginning = {
  email: string
  name: string
  passwordHash: string
  signup: { org?: string; organization?: string }
}

type NewOrganization = {
  name: string
  ownerEmail: string
  ownerName: string
  password: string
  by?: AuditActor
}

/**
 * An organization with its data key and its owner, whose address counts as proved: who may call this is trusted.
 * Throws Refusal 422 for a bad name, address or password, 409 `email_taken` when the address has an account.
 */
export async function createOrganization(
  on: Resources,
  wanted: NewOrganization,
): Promise<{ org: string; user: string }> {
  const organization = checkName('organization', wanted.name)
  const email = checkEmail(wanted.ownerEmail)
  const name = checkName('name', wanted.ownerName.trim() || localPart(email))
  checkPassword(wanted.password, { email, organization })
  const passwordHash = await hashPassword(on, wanted.password)
  const org = newId()
  const user = await begin(on, { email, name, passwordHash, signup: { org, organization } })
  await openOrganization(on, user, { org, organization, by: wanted.by ?? SYSTEM })
  await finish(on, user, { verified: true })
  return { org, user }
}

type NewUser = {
  org: string
  email: string
  name?: string | undefined
  role: Role
  password: string
  by?: AuditActor
}

/**
 * A person with a password and a role in an organization. Throws Refusal 422 for bad fields, 409 `email_taken`,
 * 404 when there is no such organization.
 */
export async function createUser(on: Resources, wanted: NewUser): Promise<{ user: string }> {
  const email = checkEmail(wanted.email)
  const name = checkName('name', wanted.name?.trim() || localPart(email))
  const { org, role } = wanted
  checkPassword(wanted.password, { email, organization: await nameOf(on, org) })
  const passwordHash = await hashPassword(on, wanted.password)
  const user = await begin(on, { email, name, passwordHash, signup: {} })
  await on.db.withTenant(org, async (tx) => {
    await addMember(tx, { org, user, role })
    const target = { kind: 'user', id: user }
    const actor = wanted.by ?? SYSTEM
    await audit(tx, org, { actor, action: 'member.added', target, detail: { role } })
  })
  await finish(on, user, { verified: true })
  return { user }
}

/** Keeps a beginning and answers the person's id; undefined when the address has an account already. */
export async function keepBeginning(
  tx: Tx,
  { email, name, passwordHash, signup }: Beginning,
): Promise<string | undefined> {
  const [kept] = await rows<{ id: string }>(
    tx,
    `insert into users as u (id, email, name, password_hash, preferences) values (?, ?, ?, ?, ?)
     on conflict (email) do update set name = excluded.name, password_hash = excluded.password_hash,
       preferences = u.preferences || excluded.preferences, updated_at = now()
      where u.preferences ->> 'signup' is not null
     returning id`,
    [newId(), email, name, passwordHash, JSON.stringify({ signup })],
  )
  return kept?.id
}

/** The organization a beginning asked for, with its data key and its owner. Twice is once. */
export async function openOrganization(
  on: Resources,
  user: string,
  { org, organization, by }: { org: string; organization: string; by?: AuditActor },
): Promise<void> {
  await on.db.withSystem((tx) =>
    rows(tx, `insert into organizations (org_id, name) values (?, ?) on conflict do nothing`, [
      org,
      organization,
    ]),
  )
  const { key, wrapped, wrappedBy } = on.vault.newDataKey(org)
  await on.db.withTenant(org, async (tx) => {
    const made = await rows(
      tx,
      `insert into org_keys (org_id, kid, wrapped, wrapped_by) values (?, ?, ?, ?) on conflict do nothing returning kid`,
      [org, key.id, wrapped, wrappedBy],
    )
    await addMember(tx, { org, user, role: 'owner' })
    const actor = by ?? { kind: 'user', id: user }
    const target = { kind: 'organization', id: org }
    if (made.length > 0) await audit(tx, org, { actor, action: 'organization.created', target })
  })
}

/** Adds a member; one who is there keeps the role they have. */
export async function addMember(
  tx: Tx,
  { org, user, role }: { org: string; user: string; role: Role },
): Promise<void> {
  await rows(
    tx,
    `insert into memberships (org_id, user_id, role) values (?, ?, ?) on conflict do nothing`,
    [org, user, role],
  )
}

/** The beginning is over: from now on the address is taken and its password signs in. */
export async function finish(
  on: Resources,
  user: string,
  { verified }: { verified: boolean },
): Promise<void> {
  await on.db.withSystem((tx) =>
    rows(
      tx,
      `update users set preferences = preferences - 'signup', updated_at = now(),
              email_verified_at = case when ? then coalesce(email_verified_at, ?) else email_verified_at end
        where id = ?`,
      [verified, on.now(), user],
    ),
  )
}

async function begin(on: Resources, beginning: Beginning): Promise<string> {
  const user = await on.db.withSystem((tx) => keepBeginning(tx, beginning))
  if (user !== undefined) return user
  const detail = 'This e-mail address has an account already.'
  throw new Refusal(409, 'email_taken', detail, { email: detail })
}

async function nameOf(on: Resources, org: string): Promise<string> {
  const [found] = await on.db.withSystem((tx) =>
    rows<{ name: string }>(tx, `select name from organizations where org_id = ?`, [org]),
  )
  if (!found) throw new Refusal(404, 'not_found', 'There is no organization with this id.')
  return found.name
}

const localPart = (email: string): string => email.split('@')[0] ?? email
