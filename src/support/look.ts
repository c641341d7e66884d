import { audit, type AuditActor } from '../audit/audit.ts'
import { rows, type Tx } from '../db.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { restrictedSql } from '../restrictions/gate.ts'
import { activeGrant, type Active } from './access.ts'

type Page = 'overview' | 'conversations' | 'conversation'
type Look = { org: string; by: AuditActor; page: Page; conversation?: string }
/** What was seen, and what allowed it. */
export type Seen<T> = Active & { found: T }

/**
 * The only way for whoever operates the product into an organization's rows: with a grant that holds now, and leaving an
 * entry in the organization's own audit log for each page, in the transaction that reads it. Without one the answer is
 * that of an organization nobody knows. Source: promise P22.
 */
async function lookInto<T>(
  on: Resources,
  { org, by, page, conversation }: Look,
  read: (tx: Tx, isContent: boolean) => Promise<T>,
): Promise<Seen<T>> {
  return on.db.withTenant(org, async (tx) => {
    const grant = await activeGrant(tx, org, on.now())
    if (!grant) throw notFound('organization')
    const found = await read(tx, grant.scope === 'content')
    await audit(tx, org, {
      actor: by,
      action: 'support.viewed',
      ...(conversation ? { target: { kind: 'conversation', id: conversation } } : {}),
      detail: { page, scope: grant.scope },
    })
    return { ...grant, found }
  })
}

export type Overview = {
  name: string
  status: string
  contacts: number
  conversations: number
  messages: number
  connections: {
    id: string
    name: string
    display_phone: string | null
    state: string
    state_reason: string | null
    verified_at: Date | null
  }[]
  members: { name: string; role: string }[]
  keys: { name: string; scopes: string[]; last_used_on: Date | null; revoked_at: Date | null }[]
  rules: { rule: string; days: number }[]
}

/** Settings and counts: no secret, nobody's customer. */
export const lookAtOverview = (
  on: Resources,
  org: string,
  by: AuditActor,
): Promise<Seen<Overview>> =>
  lookInto(on, { org, by, page: 'overview' }, async (tx) => {
    const [about] = await rows<
      Pick<Overview, 'name' | 'status' | 'contacts' | 'conversations' | 'messages'>
    >(
      tx,
      `select name, status, (select count(*)::int from contacts where org_id = :org) as contacts,
              (select count(*)::int from conversations where org_id = :org) as conversations,
              (select count(*)::int from messages where org_id = :org) as messages
         from organizations where org_id = :org`,
      { org },
    )
    if (!about) throw notFound('organization')
    const own = <T>(sql: string): Promise<T[]> => rows<T>(tx, sql, [org])
    return {
      ...about,
      connections: await own<Overview['connections'][number]>(
        `select id, name, display_phone, state, state_reason, verified_at from connections where org_id = ? order by name, id`,
      ),
      members: await own<Overview['members'][number]>(
        `select u.name, m.role from memberships m join users u on u.id = m.user_id where m.org_id = ? order by m.role, u.name`,
      ),
      keys: await own<Overview['keys'][number]>(
        `select name, scopes, last_used_on, revoked_at from api_keys where org_id = ? order by name, id`,
      ),
      rules: await own<Overview['rules'][number]>(
        `select rule, days from retention_settings where org_id = ? order by rule`,
      ),
    }
  })

export type Line = {
  id: string
  status: string
  unread: number
  last_message_at: Date | null
  who: string | null
  preview: string | null
}

/** The latest conversations. What the grant does not cover does not leave the database: it is null here. */
export const lookAtConversations = (
  on: Resources,
  org: string,
  by: AuditActor,
): Promise<Seen<Line[]>> =>
  lookInto(on, { org, by, page: 'conversations' }, (tx, isContent) =>
    rows<Line>(
      tx,
      `select v.id, v.status, v.unread, v.last_message_at, case when :isContent and not ${restrictedSql('v.org_id', 'v.contact_id')} then c.name end as who,
              case when :isContent and not ${restrictedSql('v.org_id', 'v.contact_id')} then v.last_message_preview end as preview
         from conversations v join contacts c on c.org_id = v.org_id and c.id = v.contact_id
        where v.org_id = :org order by v.last_message_at desc nulls last, v.id limit 50`,
      { org, isContent },
    ),
  )

export type Said = {
  id: string
  direction: string
  kind: string
  status: string | null
  error: string | null
  created_at: Date
  text: string | null
}

/** The latest messages of one conversation, masked in the same manner. Throws Refusal 404. */
export const lookAtConversation = (
  on: Resources,
  { org, conversation }: { org: string; conversation: string },
  by: AuditActor,
): Promise<Seen<Said[]>> =>
  lookInto(on, { org, by, page: 'conversation', conversation }, async (tx, isContent) => {
    const found = await rows<Said>(
      tx,
      `select m.id, m.direction, m.kind, m.status, m.error_code as error, m.created_at,
              case when :isContent and not ${restrictedSql('v.org_id', 'v.contact_id')} then m.text end as text
         from messages m join conversations v on v.org_id = m.org_id and v.id = m.conversation_id
        where m.org_id = :org and m.conversation_id = :conversation
        order by m.created_at desc, m.id desc limit 50`,
      { org, conversation, isContent },
    )
    if (found.length === 0) throw notFound('conversation')
    return found.toReversed()
  })
