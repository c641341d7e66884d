import { isWamid } from './content.ts'
import { problem, type Found } from './reading.ts'
import { personIn, type Sender } from './sender.ts'
import type { Status } from './shapes.ts'
import { errors as Errors } from './loose.ts'
import { Call } from './talk-shapes.ts'
import { codeOf, eventIn } from './thread-event.ts'
import type { Update } from './updates.ts'

/**
 * A call that begins or ends. Each is a row of its own that names the call, so that either may come first; the thread
 * shows them as one. Somebody who calls opens the window and waits for an answer as one who writes.
 * Source: WhatsApp Cloud API, calling, webhooks; customer service windows.
 */
export function parseCall(found: Found): Update {
  const call = Call.parse(found.clean ?? {})
  const { id, event, status, start_time, end_time, duration, timestamp } = call
  if (!isWamid(id)) return { ...problem('parse', found.clean ? 'id' : 'call'), ...found.from }
  const direction = call.direction === 'BUSINESS_INITIATED' ? 'out' : 'in'
  const isEnd = event === 'terminate'
  const errors = call.errors ?? Errors.parse(found.value['errors'])
  const isRinging = !isEnd && direction === 'in'
  return eventIn(found, {
    wamid: isEnd ? `${id}#end` : id,
    kind: isEnd ? 'call_end' : 'call',
    contextWamid: isEnd ? id : null,
    payload: { event, status, start_time, end_time, duration, errors },
    time: timestamp,
    declared: call,
    direction,
    sender: customerOf(found, call, direction),
    opensWindow: isRinging,
    isQuiet: !isRinging,
  })
}

function customerOf(found: Found, call: Call, direction: 'in' | 'out'): Sender | undefined {
  const { from, from_user_id, from_parent_user_id, to, to_user_id, to_parent_user_id } = call
  const given =
    direction === 'in'
      ? { id: from, userId: from_user_id, parentId: from_parent_user_id }
      : { id: to, userId: to_user_id, parentId: to_parent_user_id }
  return personIn(given, found.profiles)
}

/** That a call of ours rings, was taken or declined. */
export function parseCallStatus(found: Found, given: Status & { id: string }): Update {
  const status = codeOf(given.status)
  return eventIn(found, {
    wamid: `${given.id}#${status}`,
    kind: 'call_status',
    contextWamid: given.id,
    payload: { status },
    time: given.timestamp,
    declared: given,
    direction: 'out',
    sender: personIn({ id: given.recipient_id, userId: given.recipient_user_id }, found.profiles),
  })
}
