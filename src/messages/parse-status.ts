import { isId } from '../ids.ts'
import { parseCallStatus } from './calls.ts'
import { isWamid } from './content.ts'
import { problem, timeIn, type Found } from './reading.ts'
import { personIn } from './sender.ts'
import { Status } from './shapes.ts'
import { codeOf, eventIn } from './thread-event.ts'
import { RANKS, type StatusUpdate, type Update } from './updates.ts'

/** A receipt of a message; of a call or a payment it is something that happened in the conversation. */
export function parseStatus(found: Found): Update {
  const given = Status.parse(found.clean ?? {})
  const { id: wamid, type = 'message', biz_opaque_callback_data: ref } = given
  if (!isWamid(wamid)) return { ...problem('parse', found.clean ? 'id' : 'status'), ...found.from }
  if (type === 'call') return parseCallStatus(found, { ...given, id: wamid })
  if (type === 'payment') return parsePayment(found, { ...given, id: wamid })
  const status = statusOf(given)
  if (!isRanked(status)) return { ...problem('other', status), ...found.from }
  return {
    type: 'status',
    ...found.from,
    wamid,
    status,
    at: timeIn(found, given.timestamp),
    ref: isId(ref) ? ref : null,
    recipient: recipientOf(given),
    recipientUser: given.recipient_user_id ?? null,
    ...costOf(given),
  }
}

/** To a group, the recipient is no person. */
const recipientOf = ({ recipient_id: id = '', recipient_type: type }: Status): string | null =>
  type !== 'group' && /^[1-9]\d{6,14}$/.test(id) ? id : null

function costOf(status: Status): Pick<StatusUpdate, 'error' | 'billing'> {
  const { errors, conversation, pricing } = status
  const [error] = errors ?? []
  return {
    error: error ? { ...error, code: String(error.code ?? '') } : null,
    billing: conversation || pricing ? { conversation, pricing } : null,
  }
}

const isRanked = (status: string): status is keyof typeof RANKS => Object.hasOwn(RANKS, status)

const MEMBERS: Record<string, string> = { delivered: 'member_delivered', read: 'member_read' }

/** A status we rank, or the code under which it is kept aside. One member's receipt is not the group's. */
function statusOf({ status: given = '', recipient_type }: Status): string {
  const status = given === 'played' ? 'read' : given
  const known = recipient_type === 'group' ? (MEMBERS[status] ?? status) : status
  return isRanked(known) ? known : 'status_unknown'
}

/** The state of a payment that a message of ours asked for. Source: WhatsApp Cloud API, payments, webhooks. */
function parsePayment(found: Found, given: Status & { id: string }): Update {
  const { id, payment, recipient_id, recipient_user_id: userId, timestamp } = given
  const status = codeOf(given.status)
  return eventIn(found, {
    wamid: `${id}#payment.${status}`,
    kind: 'payment',
    payload: { status, ...payment },
    contextWamid: id,
    time: timestamp,
    declared: given,
    sender: personIn({ id: recipient_id, userId }, found.profiles),
  })
}
