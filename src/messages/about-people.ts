import { keyFor, problem, type Found } from './reading.ts'
import { becoming, personIn } from './sender.ts'
import { timeOf } from './storable.ts'
import { BookEntry, Handover, Preference, UserIdUpdate } from './talk-shapes.ts'
import { eventIn } from './thread-event.ts'
import type { MessageUpdate, Update } from './updates.ts'

/** What somebody told WhatsApp about marketing: `stop` or `resume`. Source: WhatsApp Cloud API, user_preferences. */
export function parsePreference(found: Found): Update {
  const given = Preference.parse(found.clean ?? {})
  const { wa_id: id, user_id: userId, parent_user_id: parentId, timestamp } = given
  const { category, value, detail } = given
  return eventIn(found, {
    wamid: keyFor('preference', [found.from.number, found.item]),
    kind: 'preference',
    payload: { category, value, detail },
    time: timestamp,
    declared: given,
    sender: personIn({ id, userId, parentId }, found.profiles),
    preference: wishOf(given),
  })
}

function wishOf({
  category,
  value,
}: {
  category?: string | undefined
  value?: string | undefined
}): MessageUpdate['preference'] {
  const isWish = value === 'stop' || value === 'resume'
  return isWish && category && /^[a-z_]{1,60}$/.test(category) ? { category, value } : null
}

/** The early form of a changed user id, understood as the `system` message it has become. */
export function parseUserIdUpdate(found: Found): Update {
  const given = UserIdUpdate.parse(found.clean ?? {})
  const { wa_id: id, user_id: userId, parent_user_id: parentId, detail, timestamp } = given
  const system = {
    type: 'user_changed_user_id',
    body: detail,
    user_id: userId?.current,
    previous_user_id: userId?.previous,
    parent_user_id: parentId?.current,
    previous_parent_user_id: parentId?.previous,
  }
  return eventIn(found, {
    wamid: keyFor('system', [found.from.number, found.item]),
    kind: 'system',
    payload: system,
    time: timestamp,
    declared: given,
    sender: personIn(
      { id, userId: userId?.previous, parentId: parentId?.previous },
      found.profiles,
    ),
    became: becoming('changed_number', { userId: userId?.current, parentId: parentId?.current }),
  })
}

/** Control of a conversation passed to or from another handler. Source: measured, 2026. */
export function parseHandover(found: Found): Update {
  const given = Handover.parse(found.clean ?? {})
  const { type, sender, control_passed, timestamp } = given
  const { phone_number: id, user_id: userId, username } = sender ?? {}
  return eventIn(found, {
    wamid: keyFor('handover', [found.from.number, found.item, found.entry['time']]),
    kind: 'handover',
    payload: { type, control_passed },
    time: timestamp ?? found.entry['time'],
    declared: { ...given, messaging_product: found.value['messaging_product'] },
    sender: personIn({ id, userId, username }, found.profiles),
  })
}

const LONG_AGO = new Date(1_000)

/** A person added to the phone app's address book, renamed in it or taken out. Source: WhatsApp Cloud API, smb_app_state_sync. */
export function parseBookEntry(found: Found): Update {
  const { action, contact, metadata } = BookEntry.parse(found.clean ?? {})
  const { phone_number: id, user_id: userId, parent_user_id: parentId, username } = contact ?? {}
  const sender = personIn({ id, userId, parentId, username }, [])
  if (!sender) return { ...problem('parse', 'sender'), ...found.from }
  const name = [contact?.full_name, contact?.first_name].find((one) => one?.trim()) ?? null
  const isGone = action === 'remove'
  return {
    type: 'book',
    ...found.from,
    sender,
    name: isGone ? null : name,
    // An entry without a time is older than any other: it must not come out newer each time it is delivered.
    at: timeOf(metadata?.timestamp, found.reading.arrived) ?? LONG_AGO,
  }
}
