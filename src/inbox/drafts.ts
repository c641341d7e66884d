import { rows, type Tx } from '../db.ts'

export type KeptDraft = { text: string; updated_at: Date }

/** Keep what a person typed and did not send; an empty text forgets it. One per person and conversation. */
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
      `insert into drafts (org_id, conversation_id, user_id, text) values (:org, :conversation, :user, :text)
       on conflict (org_id, conversation_id, user_id) do update set text = excluded.text, updated_at = now()`,
      { org, ...where, text },
    )
}

/** A person's drafts among these conversations. */
export async function draftsOf(
  tx: Tx,
  org: string,
  user: string,
  conversations: string[],
): Promise<Map<string, KeptDraft>> {
  const found = await rows<KeptDraft & { conversation_id: string }>(
    tx,
    `select conversation_id, text, updated_at from drafts
      where org_id = ? and user_id = ? and conversation_id = any(?)`,
    [org, user, conversations],
  )
  return new Map(found.map(({ conversation_id, ...draft }) => [conversation_id, draft]))
}
