import { listOf } from '../messages/storable.ts'
import { dayOf, joined, inside, plain, textOf, words } from './phrases.ts'
import { limitOf } from './words-account.ts'
import type { Explain, Said, Words } from './words.ts'

const named =
  (table: Record<string, Words>): Explain =>
  ({ event }) =>
    table[event]

const QUALITY: Record<string, Words> = {
  FLAGGED: words('danger', 'Quality low: people block or report this number'),
  UNFLAGGED: words('ok', 'Quality is good again'),
  DOWNGRADE: words('warn', 'The messaging limit was lowered'),
  UPGRADE: words('ok', 'The messaging limit was raised'),
  ONBOARDING: words('', 'The number was set up'),
  THROUGHPUT_UPGRADE: words('ok', 'The number may send faster'),
}

function qualityWords({ event, payload }: Said): Words | undefined {
  const known = QUALITY[event]
  const [was, is] = [limitOf(payload['old_limit']), limitOf(payload['current_limit'])]
  const most = limitOf(payload['max_daily_conversations_per_business'])
  const change = was && is && was !== is ? `${was} to ${is} customers a day` : ''
  const now = is || most
  return known && { ...known, detail: change || (now ? `${now} customers a day` : '') }
}

const NAMES: Record<string, Words> = {
  APPROVED: words('ok', 'The display name is approved'),
  REJECTED: words('danger', 'The display name was rejected'),
  PENDING: words('', 'The display name is being reviewed'),
  DEFERRED: words('warn', 'The decision about the display name was put off'),
}

const nameWords: Explain = ({ event, payload }) => {
  const known = NAMES[event]
  const reason = textOf(payload['rejection_reason'])
  const why = ['', 'NONE', 'UNKNOWN'].includes(reason) ? '' : plain(reason.replace(/^NAME_/, ''))
  return known && { ...known, detail: joined(textOf(payload['requested_verified_name']), why) }
}

const PINS: Record<string, Words> = {
  PIN_CHANGED: words('warn', 'The two-step PIN was changed'),
  PIN_RESET_REQUEST: words('warn', 'Somebody asked to reset the two-step PIN'),
  PIN_RESET_SUCCESS: words('warn', 'The two-step PIN was reset'),
  PIN_REQUEST_SUCCESS: words('warn', 'The two-step PIN was reset'),
}

const USERNAMES: Record<string, Words> = {
  approved: words('ok', 'The username of the business is approved'),
  reserved: words('', 'The username of the business is reserved'),
  deleted: words('warn', 'The username of the business is gone'),
}

function historyWords({ event, payload }: Said): Words {
  if (event === 'declined')
    return words(
      '',
      'The phone app does not share its history',
      textOf(inside(listOf(payload['errors'])[0])['title']),
    )
  const { progress } = inside(payload['metadata'])
  const percent = Number(progress)
  return words(
    percent >= 100 ? 'ok' : '',
    'History of the phone app',
    percent >= 0 ? `${percent} % imported` : '',
  )
}

const GROUPS: Record<string, string> = {
  group_create: 'A group was made',
  group_delete: 'A group was deleted',
  group_participants_add: 'People joined a group',
  group_participants_remove: 'People left a group',
  group_join_request_created: 'Somebody asks to join a group',
  group_join_request_revoked: 'A request to join a group was taken back',
  group_settings_update: 'A group was changed',
  group_suspend: 'Meta has suspended a group',
  group_suspend_cleared: 'A group is no longer suspended',
}

const groupWords: Explain = ({ event, payload }) => {
  const title = GROUPS[event]
  const error = inside(listOf(payload['errors'])[0])
  const failed = textOf(error['title']) || textOf(error['message'])
  return title === undefined
    ? undefined
    : words(failed || event === 'group_suspend' ? 'warn' : '', title, failed)
}

const EVENTS: Record<string, string> = {
  LeadSubmitted: 'WhatsApp saw a lead in a conversation',
  Purchase: 'WhatsApp saw a purchase in a conversation',
}

export const numberWords: Record<string, Explain> = {
  phone_number_quality_update: qualityWords,
  phone_number_name_update: nameWords,
  security: named(PINS),
  business_username_update: ({ event, payload }) => {
    const known = USERNAMES[event]
    return known && { ...known, detail: textOf(payload['username']) }
  },
  account_settings_update: ({ payload }) => {
    const calling = inside(inside(payload['phone_number_settings'])['calling'])
    return words(
      '',
      'Settings of the number were changed',
      calling['status'] ? `Calls: ${plain(calling['status'])}` : '',
    )
  },
  history: historyWords,
  group_lifecycle_update: groupWords,
  group_participants_update: groupWords,
  group_settings_update: groupWords,
  group_status_update: groupWords,
  automatic_events: ({ event }) => (EVENTS[event] ? words('', EVENTS[event]) : undefined),
  user_actions: ({ event }) =>
    event === 'marketing_messages_link_click'
      ? words('', 'Somebody opened a link in a marketing message')
      : undefined,
  flows: ({ event, payload }) => {
    const isAlarm =
      payload['alert_state'] === 'ACTIVATED' || event === 'FLOW_VERSION_EXPIRY_WARNING'
    return words(
      isAlarm ? 'warn' : '',
      'A form (Flow)',
      textOf(payload['message']) || textOf(payload['warning']) || dayOf(payload['flow_id']),
    )
  },
}
