import { rows } from '../db.ts'
import type { Resources } from '../resources.ts'
import { openDeletion } from './deletion.ts'

/** What would go with an organization, in the words of the page. */
export type Preview = { contacts: number; messages: number; numbers: number; members: number }

export async function previewOrganization(on: Resources, org: string): Promise<Preview> {
  return on.db.withTenant(org, async (tx) => {
    const [found] = await rows<Preview>(
      tx,
      `select (select count(*)::int from contacts where org_id = :org) as contacts,
              (select count(*)::int from messages where org_id = :org) as messages,
              (select count(*)::int from connections where org_id = :org and state <> 'removed') as numbers,
              (select count(*)::int from memberships where org_id = :org) as members`,
      { org },
    )
    return found ?? { contacts: 0, messages: 0, numbers: 0, members: 0 }
  })
}

export async function previewContact(
  on: Resources,
  org: string,
  id: string,
): Promise<{ messages: number; conversations: number }> {
  return on.db.withTenant(org, async (tx) => {
    const [found] = await rows<{ messages: number; conversations: number }>(
      tx,
      `select count(distinct c.id)::int as conversations, count(m.id)::int as messages
         from conversations c left join messages m on m.org_id = :org and m.conversation_id = c.id
        where c.org_id = :org and c.contact_id = :id`,
      { org, id },
    )
    return found ?? { messages: 0, conversations: 0 }
  })
}

/** When an organization or an account that is going to be deleted can no longer be kept; undefined when none was asked for. */
export const endOfGrace = (on: Resources, subject: string): Promise<Date | undefined> =>
  on.db.withSystem(async (tx) => (await openDeletion(tx, subject))?.grace_until ?? undefined)
