import { isId } from '../ids.ts'
import { contextOf, isWamid, kindOf, meaningOf, payloadOf, wordsOf } from './content.ts'
import { senderOf } from './sender.ts'
import { KINDS, Message, Profile, Status } from './shapes.ts'
import {
  covers,
  cut,
  isTooDeep,
  listOf,
  mayHoldOddText,
  objectOf,
  storable,
  timeOf,
} from './storable.ts'
import {
  around,
  RANKS,
  type From,
  type MessageUpdate,
  type Problem,
  type StatusUpdate,
  type Update,
} from './updates.ts'

type Loose = Record<string, unknown>

const MAX_TEXT = 100_000
const MAX_NUMBER = 64

type Reading = { arrived: Date; isOdd: boolean; object: unknown }
type Found = From & { item: unknown; profiles: Profile[] }

/**
 * Everything in a webhook body, in its order: all entries, all changes, all messages and all statuses.
 *
 * Throws on no JSON object: what cannot be understood is a Problem beside its good neighbours.
 * `arrived` stands in for a time that cannot be right. Source: WhatsApp Cloud API, webhooks.
 */
export function parseBody(bytes: Buffer | string, arrived: Date): Update[] {
  const json = bytes.toString()
  const body = objectOf(JSON.parse(json)) ?? {}
  const { object = 'whatsapp_business_account' } = body
  const entries = listOf(body['entry'])
  if (object !== 'whatsapp_business_account') return [problem('other', 'object')]
  if (entries.length === 0) return [problem('parse', 'entry')]
  const reading = { arrived, isOdd: mayHoldOddText(json), object }
  return entries.flatMap((item) => parseEntry(reading, item))
}

function parseEntry(reading: Reading, given: unknown): Update[] {
  const { changes, ...entry } = objectOf(given) ?? {}
  const found = listOf(changes)
  if (found.length === 0) return [problem('parse', 'changes')]
  return found.flatMap((item) => {
    const change = objectOf(item)
    const value = objectOf(change?.['value'])
    if (!change || !value) return [problem('parse', 'value')]
    const number = numberOf(value)
    const isDeep = isTooDeep([entry, { ...change, value: around(change) }])
    const from = isDeep ? { number } : { number, origin: { object: reading.object, entry, change } }
    return parseChange(reading, from, change)
  })
}

function parseChange(reading: Reading, from: From, change: Loose): Update[] {
  const { field = 'messages' } = change
  const value = objectOf(change['value']) ?? {}
  const aside = (reason: Problem['reason'], code: string): Problem[] =>
    isTooDeep(change) ? [problem('parse', 'too_deep')] : [{ ...problem(reason, code), ...from }]
  if (field !== 'messages') return aside('other', fieldCode(field))
  if (!['messages', 'statuses', 'errors'].some((list) => Array.isArray(value[list])))
    return aside('parse', 'value')
  const profiles = listOf(value['contacts']).flatMap((item) => profileIn(reading, item))
  const all = (list: 'messages' | 'statuses', parse: typeof parseMessage): Update[] =>
    listOf(value[list]).map((item) =>
      isTooDeep(item)
        ? problem('parse', 'too_deep')
        : parse(reading, { ...itemOf(from, list, item), item, profiles }),
    )
  return [
    ...all('messages', parseMessage),
    ...all('statuses', parseStatus),
    ...(listOf(value['errors']).length > 0 ? aside('other', 'account_error') : []),
  ]
}

const itemOf = (from: From, list: 'messages' | 'statuses', value: unknown): From =>
  from.origin ? { ...from, origin: { ...from.origin, item: { list, value } } } : from

function parseMessage(reading: Reading, found: Found): Update {
  const { item, profiles, ...from } = found
  const clean = objectOf(reading.isOdd ? storable(item) : item)
  const message = Message.parse(clean ?? {})
  const sender = senderOf(message, profiles)
  const { id: wamid } = message
  if (isWamid(wamid) && sender)
    return { type: 'message', ...from, wamid, sender, ...contentOf(reading, item, message) }
  const lacks = isWamid(wamid) ? 'sender' : 'id'
  return { ...problem('parse', clean ? lacks : 'message'), ...from }
}

type Content = Omit<MessageUpdate, 'type' | 'origin' | 'number' | 'wamid' | 'sender'>

function contentOf(reading: Reading, item: unknown, message: Message): Content {
  const kind = kindOf(message)
  const words = wordsOf(kind, message)
  const text = words === null ? null : cut(words, MAX_TEXT)
  const time = timeOf(message.timestamp, reading.arrived)
  const isWhole = KINDS.has(kind) && time && text === words && covers(item, message)
  return {
    kind,
    text,
    payload: payloadOf(kind, message),
    raw: isWhole ? null : JSON.stringify(item),
    contextWamid: contextOf(kind, message),
    at: time ?? reading.arrived,
    ...meaningOf(kind, message),
  }
}

function parseStatus(reading: Reading, { item, profiles: _p, ...from }: Found): Update {
  const clean = objectOf(reading.isOdd ? storable(item) : item)
  const given = Status.parse(clean ?? {})
  const { id: wamid, biz_opaque_callback_data: ref } = given
  if (!isWamid(wamid)) return { ...problem('parse', clean ? 'id' : 'status'), ...from }
  const status = statusOf(given)
  if (!isRanked(status)) return { ...problem('other', status), ...from }
  const at = timeOf(given.timestamp, reading.arrived) ?? reading.arrived
  return {
    type: 'status',
    ...from,
    wamid,
    status,
    at,
    ref: isId(ref) ? ref : null,
    recipient: recipientOf(given),
    ...costOf(given),
  }
}

const recipientOf = ({ recipient_id: id = '' }: Status): string | null =>
  /^[1-9]\d{6,14}$/.test(id) ? id : null

function costOf(status: Status): Pick<StatusUpdate, 'error' | 'billing'> {
  const { errors, conversation, pricing } = status
  const [error] = errors ?? []
  return {
    error: error ? { ...error, code: String(error.code ?? '') } : null,
    billing: conversation || pricing ? { conversation, pricing } : null,
  }
}

const isRanked = (status: string): status is keyof typeof RANKS => Object.hasOwn(RANKS, status)

/**
 * A status we rank, or the code under which it is kept aside: payments and calls are no receipts of a
 * message, and one member's receipt is not the group's.
 */
function statusOf({ status = '', type = 'message', recipient_type }: Status): string {
  if (type !== 'message') return 'status_of_other'
  if (recipient_type === 'group' && status !== 'sent' && status !== 'failed')
    return 'status_of_group'
  if (status === 'played') return 'read'
  return isRanked(status) ? status : 'status_unknown'
}

function profileIn(reading: Reading, item: unknown): Profile[] {
  const profile = isTooDeep(item) ? undefined : objectOf(reading.isOdd ? storable(item) : item)
  return profile ? [Profile.parse(profile)] : []
}

function numberOf(value: Loose): string | null {
  const number = objectOf(value['metadata'])?.['phone_number_id']
  if (typeof number !== 'string' && typeof number !== 'number') return null
  return String(storable(number)).slice(0, MAX_NUMBER)
}

const problem = (reason: Problem['reason'], code: string): Problem => ({
  type: 'problem',
  reason,
  code,
})
const fieldCode = (field: unknown): string =>
  typeof field === 'string' && /^[a-z_]{1,60}$/.test(field) ? field : 'field'
