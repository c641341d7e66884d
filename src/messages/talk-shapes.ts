import { z } from 'zod'
import { errors, number, some, text, word } from './loose.ts'

// What else WhatsApp reports of a conversation: calls, wishes, handovers, the phone app's history and address book.

/** Source: WhatsApp Cloud API, calling, webhooks. The session holds addresses of devices and is not declared. */
export const Call = z.object({
  id: text,
  from: word,
  from_user_id: text,
  from_parent_user_id: text,
  to: word,
  to_user_id: text,
  to_parent_user_id: text,
  event: text,
  direction: text,
  timestamp: number,
  status: text,
  start_time: number,
  end_time: number,
  duration: number,
  errors,
})
export type Call = z.infer<typeof Call>

const idChange = some({ previous: text, current: text })

/** Not a field of the API any more; Meta sends `system` messages instead. */
export const UserIdUpdate = z.object({
  wa_id: word,
  user_id: idChange,
  parent_user_id: idChange,
  detail: text,
  timestamp: number,
})

export const Preference = z.object({
  wa_id: word,
  user_id: text,
  parent_user_id: text,
  category: text,
  value: text,
  detail: text,
  timestamp: number,
})

/** Source: measured; it has no `metadata`, the number stands in `recipient`. */
export const Handover = z.object({
  type: text,
  timestamp: number,
  sender: some({ phone_number: word, user_id: text, username: text }),
  recipient: some({ phone_number_id: word, display_phone_number: text }),
  control_passed: some({ previous_owner_app_role: text, new_owner_app_role: text }),
})

export const BookEntry = z.object({
  type: text,
  action: text,
  contact: some({
    full_name: text,
    first_name: text,
    phone_number: word,
    user_id: text,
    parent_user_id: text,
    username: text,
  }),
  metadata: some({ timestamp: number }),
})

export const Thread = z.object({
  id: word,
  context: some({ wa_id: word, user_id: text, parent_user_id: text, username: text }),
})
export type Thread = z.infer<typeof Thread>
