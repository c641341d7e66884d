import { formerSql } from '../accounts/former.ts'
import { rows, type Tx } from '../db.ts'
import type { Message } from '../messages/messages.ts'

/** Something that answers by itself: by its id, in the version that was followed, and why it did, in a sentence. */
export type RuleCause = { kind: 'rule'; rule: string; version: number; because: string }

/** Who asks for a message to be sent: somebody by hand, a program with its key, or what an admin approved. */
export type Cause = { kind: 'agent'; person: string } | { kind: 'api_key'; key: string } | RuleCause

/** Why a message goes out, as it is kept with it. */
export type Decision = {
  message_id: string
  kind: 'agent' | 'template' | 'api_key' | 'rule'
  /** One sentence of ours, as it was true then. */
  because: string
  version: number | null
  at: Date
  /** Whoever asked, while the account or the key exists: a name, or a key's name and last letters. */
  person: string | null
  key: { name: string; hint: string } | null
}

export type Asked = {
  message: string
  cause: Cause
  at: Date
  kind: string
  /** The message this one repeats. */
  instead: Pick<Message, 'status'> | undefined
}

/**
 * Keep why a message is sent, before its outbox entry, which the database refuses without. Source: privacy policy §3,
 * "to process and route WhatsApp messages on your behalf".
 */
export async function noteCause(tx: Tx, org: string, asked: Asked): Promise<void> {
  const { message, cause, at } = asked
  const isTemplate = cause.kind === 'agent' && asked.kind === 'template'
  await tx.raw(
    `insert into routing_decisions (org_id, message_id, kind, actor_id, cause_id, cause_version, because, at)
     values (?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      org,
      message,
      isTemplate ? 'template' : cause.kind,
      cause.kind === 'agent' ? cause.person : null,
      causeIdOf(cause),
      cause.kind === 'rule' ? cause.version : null,
      sentenceOf(asked),
      at,
    ],
  )
}

function causeIdOf(cause: Cause): string | null {
  if (cause.kind === 'api_key') return cause.key
  return cause.kind === 'rule' ? cause.rule : null
}

function sentenceOf({ cause, kind, instead }: Asked): string {
  if (cause.kind === 'rule') return cause.because
  if (cause.kind === 'api_key') return 'A program of the organization asked for it.'
  if (instead)
    return instead.status === 'unknown'
      ? 'Somebody of the organization sent it again, because nobody knew whether it had arrived.'
      : 'Somebody of the organization sent it again after it had failed.'
  if (kind === 'template') return 'Somebody of the organization chose a template and pressed Send.'
  return 'Somebody of the organization wrote it and pressed Send.'
}

/** Why these messages went out, by their ids; those from before reasons were kept have none. */
export async function causesOf(
  tx: Tx,
  org: string,
  messages: string[],
): Promise<Map<string, Decision>> {
  const found = await rows<Decision>(
    tx,
    `select d.message_id, d.kind, d.because, d.cause_version as version, d.at, coalesce(u.name, ${formerSql('f')}) as person,
            case when k.id is not null then jsonb_build_object('name', k.name, 'hint', k.hint) end as key
       from routing_decisions d left join users u on u.id = d.actor_id
       join messages m on m.org_id = d.org_id and m.id = d.message_id
       left join former_members f on f.org_id = m.org_id and f.id = m.author_id
       left join api_keys k on d.kind = 'api_key' and k.org_id = d.org_id and k.id = d.cause_id
      where d.org_id = ? and d.message_id = any(?)`,
    [org, messages],
  )
  return new Map(found.map((decision) => [decision.message_id, decision]))
}
