import { createHash } from 'node:crypto'
import { covers, listOf, objectOf, timeOf } from '../messages/storable.ts'
import type { Notice } from './notice.ts'
import { SHAPES, type Shape } from './shapes.ts'

type Loose = Record<string, unknown>
/** The value of a change, or one item of a list in it, with the entry it stood in. */
export type Given = {
  field: string
  list?: string | undefined
  entry: Loose
  value: Loose
  arrived: Date
}

/** Fields whose whole value is one notice. */
const WHOLE = new Set<string>([
  'account_update',
  'account_alerts',
  'account_review_update',
  'account_settings_update',
  'business_capability_update',
  'business_username_update',
  'message_template_status_update',
  'message_template_quality_update',
  'message_template_components_update',
  'template_category_update',
  'phone_number_quality_update',
  'phone_number_name_update',
  'security',
  'flows',
  'partner_solutions',
  'payment_configuration_update',
] satisfies Shape[])
export const isAccountField = (field: string): boolean => WHOLE.has(field)

/**
 * What Meta says in an object that is no message, as far as we declare its fields; the rest makes the original be kept
 * beside it. Nothing here throws: what nobody declared is the event `unknown`.
 * Source: WhatsApp Cloud API, webhooks, the fields of accounts, numbers, templates and groups.
 */
export function noticeIn({ field, list, entry, value, arrived }: Given): Notice {
  const said = list === undefined ? ownOf(value) : value
  const shape = shapeOf(field, list)
  const payload: Loose = SHAPES[shape].parse(said)
  // An error has no time of its own: the same on another day is another one.
  const day = list === 'errors' ? arrived.toISOString().slice(0, 10) : null
  return {
    field: list === undefined || list === 'groups' ? field : list,
    event: eventOf(shape, payload),
    payload,
    raw: covers(said, payload) ? null : JSON.stringify(said),
    key: digestOf([field, list, entry['id'], entry['time'], day, value]),
    at: timeOf(entry['time'] ?? said['timestamp'], arrived) ?? arrived,
    ...whoseIn(entry, payload),
  }
}

/** An account that is named inside counts before the one it was sent for: that may be the partner's. */
function whoseIn(entry: Loose, payload: Loose): Pick<Notice, 'waba' | 'phone'> {
  const named = idIn(objectOf(payload['waba_info'])?.['waba_id'])
  return {
    waba: named ?? idIn(entry['id']),
    phone: digitsIn(payload['display_phone_number'] ?? payload['phone_number']),
  }
}

/** Without what stands in every value, and what samples misplace there. */
function ownOf(value: Loose): Loose {
  const { messaging_product: _p, metadata: _m, contacts: _c, field: _f, object: _o, ...own } = value
  return own
}

function shapeOf(field: string, list: string | undefined): Shape {
  if (list !== undefined && list in SHAPES) return list as Shape
  return field in SHAPES ? (field as Shape) : 'group_status_update'
}

const EVENT = /^[A-Za-z0-9_.-]{1,80}$/

/** Where a shape names its event; some have a word of ours instead. */
const EVENTS: Partial<Record<Shape, (payload: Loose) => unknown>> = {
  account_alerts: (p) => objectOf(p['alert_info'])?.['alert_type'] ?? p['alert_type'],
  account_review_update: (p) => p['decision'],
  account_settings_update: () => 'settings',
  business_capability_update: () => 'limits',
  business_username_update: (p) => p['status'],
  message_template_status_update: (p) => (p['new_quality_score'] ? 'QUALITY' : p['event']),
  message_template_quality_update: () => 'QUALITY',
  message_template_components_update: () => 'COMPONENTS',
  template_category_update: (p) => (p['correct_category'] ? 'CATEGORY_ANNOUNCED' : 'CATEGORY'),
  phone_number_name_update: (p) => p['decision'],
  payment_configuration_update: () => 'configuration',
  history: (p) => (listOf(p['errors']).length > 0 ? 'declined' : 'progress'),
  automatic_events: (p) => p['event_name'],
  user_actions: (p) => p['action_type'],
  errors: () => 'error',
}

function eventOf(shape: Shape, payload: Loose): string {
  const named = EVENTS[shape]?.(payload) ?? payload['event'] ?? payload['type']
  return typeof named === 'string' && EVENT.test(named) ? named : 'unknown'
}

const digestOf = (content: unknown): string =>
  createHash('sha256').update(JSON.stringify(content)).digest('hex')

const MAX_ID = 64
const idIn = (value: unknown): string | null =>
  (typeof value === 'string' || typeof value === 'number') && value !== ''
    ? String(value).slice(0, MAX_ID)
    : null

/** A number as Meta shows it, in its digits. */
function digitsIn(value: unknown): string | null {
  const digits = typeof value === 'string' ? value.replace(/\D/g, '') : ''
  return digits.length >= 7 && digits.length <= 15 ? digits : null
}
