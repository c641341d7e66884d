import { isAccountField, noticeIn } from '../notices/read.ts'
import {
  parseBookEntry,
  parseHandover,
  parsePreference,
  parseUserIdUpdate,
} from './about-people.ts'
import { parseCall } from './calls.ts'
import { parseHistory } from './history.ts'
import { parseEcho, parseMessage } from './parse-message.ts'
import { parseStatus } from './parse-status.ts'
import {
  cleaned,
  itemOf,
  problem,
  profileIn,
  type Change,
  type Found,
  type Loose,
  type Parse,
  type Reading,
} from './reading.ts'
import { isTooDeep, listOf, mayHoldOddText, objectOf, storable } from './storable.ts'
import { around, LISTS, type From, type List, type Update } from './updates.ts'

const MAX_NUMBER = 64

/**
 * Everything in a webhook body, in its order: all entries, all changes, all items of all lists.
 *
 * Throws on no JSON object: what cannot be understood is a Problem beside its good neighbours.
 * `arrived` stands in for a time that cannot be right. Source: WhatsApp Cloud API, webhooks.
 */
export function parseBody(bytes: Buffer | string, arrived: Date): Update[] {
  const json = withWholeIds(bytes.toString())
  const body = objectOf(JSON.parse(json)) ?? {}
  const { object = 'whatsapp_business_account' } = body
  const entries = listOf(body['entry'])
  if (object !== 'whatsapp_business_account') return [problem('other', 'object')]
  if (entries.length === 0) return [problem('parse', 'entry')]
  const reading = { arrived, isOdd: mayHoldOddText(json), object }
  return entries.flatMap((item) => parseEntry(reading, item))
}

/** Some ids come as JSON numbers, and may be larger than a number can be exactly: they become text. */
const withWholeIds = (json: string): string =>
  json.replace(/("[a-z_]{0,60}id"\s*:\s*)(\d{16,})(?=\s*[,}])/g, '$1"$2"')

function parseEntry(reading: Reading, given: unknown): Update[] {
  const { changes, ...entry } = objectOf(given) ?? {}
  const found = listOf(changes)
  if (found.length === 0) return [problem('parse', 'changes')]
  return found.flatMap((item) => {
    const change = objectOf(item)
    const value = valueIn(change)
    return change && value
      ? parseChange(reading, entry, { ...change, value })
      : [problem('parse', 'value')]
  })
}

/** What another handler was given to answer stands one level deeper. */
function valueIn(change: Loose | undefined): Loose | undefined {
  const value = objectOf(change?.['value'])
  const standby = objectOf(value?.['standby'])
  return standby ? { ...value, standby: undefined, ...standby } : value
}

function parseChange(reading: Reading, entry: Loose, change: Loose & { value: Loose }): Update[] {
  const { value } = change
  const number = numberOf(value)
  const isDeep = isTooDeep([entry, { ...change, value: around(change) }])
  const from: From = isDeep
    ? { number }
    : { number, origin: { object: reading.object, entry, change } }
  const field = change['field'] ?? value['field'] ?? entry['field'] ?? 'messages'
  const profiles = listOf(value['contacts']).flatMap((item) => profileIn(reading, item))
  return parseValue({ reading, from, entry, value, profiles, field: fieldCode(field) })
}

const fieldCode = (field: unknown): string =>
  typeof field === 'string' && /^[a-z_]{1,60}$/.test(field) ? field : 'field'

/** Fields whose values are lists of items. */
const LISTED = new Set([
  'messages',
  'smb_message_echoes',
  'message_echoes',
  'history',
  'standby',
  'calls',
  'user_preferences',
  'user_id_update',
  'smb_app_state_sync',
  'automatic_events',
  'group_lifecycle_update',
  'group_participants_update',
  'group_settings_update',
  'group_status_update',
])

function parseValue(change: Change): Update[] {
  const { field, value } = change
  if (LISTED.has(field)) return parseLists(change)
  const isWhole = field === 'messaging_handovers' || isAccountField(field)
  if (isTooDeep(value)) return [problem('parse', 'too_deep')]
  if (!isWhole) return [{ ...problem('other', field), ...change.from }]
  const found: Found = { ...change, item: value, clean: cleaned(change.reading, value) }
  return [field === 'messaging_handovers' ? parseHandover(found) : parseNotice(found)]
}

const PARSERS: Record<List, Parse> = {
  messages: parseMessage,
  message_echoes: parseEcho,
  history: (found) => parseHistory(found, (about) => parseNotice(about, 'history')),
  calls: parseCall,
  statuses: parseStatus,
  user_preferences: parsePreference,
  user_id_update: parseUserIdUpdate,
  state_sync: parseBookEntry,
  groups: (found) => parseNotice(found, 'groups'),
  automatic_events: (found) => parseNotice(found, 'automatic_events'),
  user_actions: (found) => parseNotice(found, 'user_actions'),
  errors: (found) => parseNotice(found, 'errors'),
}

function parseLists(change: Change): Update[] {
  const { value } = change
  const given = LISTS.filter((list) => Array.isArray(value[list]))
  if (given.length === 0) return [{ ...problem('parse', 'value'), ...change.from }]
  return given.flatMap((list) => {
    // What is wrong with a call stands beside it.
    if (list === 'errors' && given.includes('calls')) return []
    return listOf(value[list]).flatMap((item) => parseItem(change, list, item))
  })
}

function parseItem(change: Change, list: List, item: unknown): Update | Update[] {
  // Documented samples show the places of what is not there as empty objects.
  if (isEmpty(item)) return []
  if (list !== 'history' && isTooDeep(item)) return problem('parse', 'too_deep')
  return PARSERS[list](itemOf(change, list, item))
}

const isEmpty = (item: unknown): boolean => {
  const object = objectOf(item)
  return object !== undefined && Object.keys(object).length === 0
}

function parseNotice({ reading, field, entry, from, clean }: Found, list?: List): Update {
  if (!clean) return { ...problem('parse', 'notice'), ...from }
  const notice = noticeIn({ field, list, entry, value: clean, arrived: reading.arrived })
  return { type: 'notice', ...from, notice }
}

/** The phone number id a change is about; some name it elsewhere than in `metadata`. */
function numberOf(value: Loose): string | null {
  const places = ['metadata', 'recipient', 'phone_number_settings']
  const number = places
    .map((place) => objectOf(value[place])?.['phone_number_id'])
    .find((id) => typeof id === 'string' || typeof id === 'number')
  return number === undefined ? null : String(storable(number)).slice(0, MAX_NUMBER)
}
