import { newId } from '../ids.ts'
import type { Message } from '../messages/messages.ts'
import { parseBody } from '../messages/parse.ts'
import type { MessageUpdate } from '../messages/updates.ts'
import { OURS, type Ours } from './gallery-ours.ts'
import { BUSINESS, CUSTOMER, type Sample } from './gallery-theirs.ts'

const MINUTE = 60_000

export const webhookOf = (field: string, value: object): string =>
  JSON.stringify({ entry: [{ id: '1', changes: [{ field, value }] }] })

/** Webhooks as the messages they would become, one a minute, the last of them a minute ago. */
export const arrived = (samples: Sample[], now: Date): Message[] =>
  samples.flatMap((sample, n) => {
    const at = new Date(now.getTime() - (samples.length - n) * MINUTE)
    const { field, list } = sample
    const value = {
      metadata: { display_phone_number: BUSINESS, phone_number_id: '1' },
      contacts: [{ wa_id: CUSTOMER, profile: { name: 'Camila Rocha' } }],
      [list]: [stamped(sample, `wamid.${list}.${n}`, at)],
    }
    return parseBody(webhookOf(field, value), now).flatMap((update) =>
      update.type === 'message' ? rowOf(update) : [],
    )
  })

/** With an id and a time; history hides its messages two levels deeper. */
function stamped({ item, id }: Sample, made: string, at: Date): Sample['item'] {
  const stamp = { id: id ?? made, timestamp: String(Math.floor(at.getTime() / 1_000)) }
  const [thread] = (item['threads'] ?? []) as { id: string; messages: object[] }[]
  if (!thread) return { ...stamp, ...item }
  const messages = thread.messages.map((one) => Object.assign({}, stamp, one))
  return { threads: [{ id: thread.id, messages }] }
}

function rowOf(update: MessageUpdate): Message {
  const { wamid, kind, text, payload, contextWamid, at, direction, via, status } = update
  return {
    ...BLANK,
    id: newId(),
    wamid,
    kind,
    text,
    payload,
    direction,
    via,
    status,
    context_wamid: contextWamid,
    created_at: at,
    sent_at: direction === 'out' ? at : null,
  }
}

/** What the business said, one message a minute. */
export const ours = (now: Date): Message[] =>
  OURS.map((one, n) => ourRow(one, new Date(now.getTime() - (OURS.length - n) * MINUTE)))

const ourRow = (one: Ours, at: Date): Message => ({
  ...BLANK,
  id: newId(),
  author_name: 'Maya',
  created_at: at,
  sent_at: at,
  delivered_at: at,
  read_at: at,
  ...one,
})

const BLANK: Omit<Message, 'id' | 'kind' | 'created_at'> = {
  conversation_id: '',
  contact_id: '',
  direction: 'out',
  via: null,
  text: null,
  earlier_text: null,
  edited_at: null,
  revoked_at: null,
  payload: {},
  status: 'sent',
  rank: null,
  wamid: null,
  context_wamid: null,
  author_id: null,
  author_name: null,
  error_code: null,
  error_title: null,
  sent_at: null,
  delivered_at: null,
  read_at: null,
  failed_at: null,
  resent_as: null,
  corrections: [],
  restricted: false,
  media: null,
}
