import { rows, type Tx } from '../db.ts'
import { restrictedSql } from '../restrictions/gate.ts'

export type KeptDraft = { text: string; updated_at: Date }

/**
 * Keep what a person typed and did not send; an empty text forgets it. One per person and conversation, none to a
 * restricted contact.
 */
export async function keepDraft(
  tx: Tx,
  org: string,
  where: { conversation: string; user: string },
  text: string,
): Promise<void> {
  if (text.trim() === '')
    await rows(
      tx,
      'delete from drafts where org_id = :org and conversation_id = :conversation and user_id = :user',
      { org, ...where },
    )
  else
    await rows(
      tx,
      `insert into drafts (org_id, conversation_id, user_id, text)
       select c.org_id, c.id, :user, :text from conversations c
        where c.org_id = :org and c.id = :conversation and not ${restrictedSql('c.org_id', 'c.contact_id')}
       on conflict (org_id, conversation_id, user_id) do update set text = excluded.text, updated_at = now()`,
      { org, ...where, text },
    )
}

/** A person's drafts among these conversations; one to a restricted contact is kept and not shown. */
export async function draftsOf(
  tx: Tx,
  org: string,
  user: string,
  conversations: string[],
): Promise<Map<string, KeptDraft>> {
  const found = await rows<KeptDraft & { conversation_id: string }>(
    tx,
    `select d.conversation_id, d.text, d.updated_at
       from drafts d join conversations c on c.org_id = d.org_id and c.id = d.conversation_id
      where d.org_id = ? and d.user_id = ? and d.conversation_id = any(?)
        and not ${restrictedSql('c.org_id', 'c.contact_id')}`,
    [org, user, conversations],
  )
  return new Map(found.map(({ conversation_id, ...draft }) => [conversation_id, draft]))
}
