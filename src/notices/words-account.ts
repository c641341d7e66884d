import { listOf } from '../messages/storable.ts'
import { dayOf, joined, inside, plain, textOf, words } from './phrases.ts'
import type { Explain, Said, Words } from './words.ts'

/** What Meta does to an account. Source: WhatsApp Cloud API, account_update. */
const EVENTS: Record<string, (payload: Said['payload']) => Words | undefined> = {
  ACCOUNT_DELETED: () => words('danger', 'The business account was deleted at Meta'),
  DISABLED_UPDATE: (p) => banWords(inside(p['ban_info'])),
  ACCOUNT_VIOLATION: (p) =>
    words(
      'danger',
      'Meta found that the rules were broken',
      plain(inside(p['violation_info'])['violation_type']),
    ),
  ACCOUNT_RESTRICTION: (p) => restrictionWords(p),
  PARTNER_ADDED: () => words('ok', 'The account was connected to the app'),
  PARTNER_REMOVED: () => words('danger', 'The account was taken away from the app'),
  PARTNER_APP_INSTALLED: () => words('ok', 'The app was installed'),
  PARTNER_APP_UNINSTALLED: () =>
    words('danger', 'The app was removed, and with it the access token'),
  ACCOUNT_OFFBOARDED: (p) => {
    const { reason, initiated_by } = inside(p['disconnection_info'])
    return words(
      'danger',
      'The number of the phone app left',
      joined(plain(reason), plain(initiated_by)),
    )
  },
  ACCOUNT_RECONNECTED: () => words('ok', 'The number of the phone app is back'),
  VERIFIED_ACCOUNT: () => words('ok', 'Meta has verified the account'),
  VOLUME_BASED_PRICING_TIER_UPDATE: (p) => {
    const { tier, pricing_category, region, effective_month } = inside(p['volume_tier_info'])
    return words(
      '',
      'Another price tier',
      joined(plain(pricing_category), textOf(tier), textOf(region), textOf(effective_month)),
    )
  },
  BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE: (p) =>
    words('', 'The business’s main country was set', textOf(p['country'])),
  AUTH_INTL_PRICE_ELIGIBILITY_UPDATE: () =>
    words('', 'Login codes to other countries get their own price'),
  AD_ACCOUNT_LINKED: () => words('', 'An ad account was linked'),
  MM_LITE_TERMS_SIGNED: () => words('', 'The terms for marketing messages were signed'),
  PARTNER_CLIENT_CERTIFICATION_NEEDED: () => words('warn', 'Meta asks to verify the business'),
  PARTNER_CLIENT_CERTIFICATION_STATUS_UPDATE: (p) =>
    words(
      '',
      'Verification of the business',
      plain(inside(p['partner_client_certification_info'])['status']),
    ),
}

function banWords({ waba_ban_state: state, waba_ban_date: date }: Said['payload']): Words {
  if (state === 'DISABLE') return words('danger', 'Meta has disabled the account', dayOf(date))
  if (state === 'REINSTATE') return words('ok', 'Meta has given the account back', dayOf(date))
  return words('warn', 'Meta is going to disable the account', dayOf(date))
}

const RESTRICTIONS: Record<string, string> = {
  RESTRICTED_BIZ_INITIATED_MESSAGING: 'no first messages to customers',
  RESTRICTED_CUSTOMER_INITIATED_MESSAGING: 'no replies to customers',
  RESTRICTED_ADD_PHONE_NUMBER_ACTION: 'no further numbers',
  RESTRICTED_UTILITY_TEMPLATES: 'no new utility templates',
  RESTRICTED_BUSINESS_INITIATED_CALLING: 'no calls to customers',
  RESTRICTED_USER_INITIATED_CALLING: 'no calls from customers',
}

function restrictionWords(payload: Said['payload']): Words {
  const found = listOf(payload['restriction_info']).map((one) => {
    const { restriction_type: type, expiration } = inside(one)
    const end = dayOf(expiration)
    return `${RESTRICTIONS[textOf(type)] ?? plain(type)}${end ? ` until ${end}` : ''}`
  })
  return words('danger', 'Meta has restricted the account', found.join('; '))
}

/** When a restriction is over that has an end; undefined for one that stays. */
export function restrictionEnd({ payload }: Said): Date | undefined {
  const ends = listOf(payload['restriction_info']).map((one) => Number(inside(one)['expiration']))
  const isTimed = ends.length > 0 && ends.every((end) => end > 0 && end < 1e11)
  return isTimed ? new Date(Math.max(...ends) * 1_000) : undefined
}

const ALERTS: Record<string, Words> = {
  INCREASED_CAPABILITIES_ELIGIBILITY_DEFERRED: words('warn', 'Higher limits were put off'),
  INCREASED_CAPABILITIES_ELIGIBILITY_FAILED: words('warn', 'Higher limits were refused'),
  INCREASED_CAPABILITIES_ELIGIBILITY_NEED_MORE_INFO: words(
    'warn',
    'Meta needs more to raise the limits',
  ),
  OBA_APPROVED: words('ok', 'The number is an official business account now'),
  OBA_REJECTED: words('warn', 'The number does not become an official business account'),
  PROFILE_PICTURE_LOST: words('warn', 'The profile picture is gone'),
}

const REVIEWS: Record<string, Words> = {
  APPROVED: words('ok', 'Meta has approved the account'),
  REJECTED: words('danger', 'Meta has rejected the account'),
  PENDING: words('', 'Meta is reviewing the account'),
  DEFERRED: words('warn', 'Meta has put off the review of the account'),
}

const LIMITS = [
  ['max_daily_conversations_per_business', 'customers a day'],
  ['max_daily_conversation_per_phone', 'customers a day and number'],
  ['max_phone_numbers_per_business', 'numbers'],
  ['max_phone_numbers_per_waba', 'numbers in this account'],
] as const

/** A limit as Meta gives it: a number, -1 for none, or a tier. */
export function limitOf(value: unknown): string {
  const text = textOf(value)
  if (text === '-1' || text === 'TIER_UNLIMITED') return 'unlimited'
  return text.replace(/^TIER_/, '').replace('NOT_SET', '')
}

const limitWords = (payload: Said['payload']): Words =>
  words(
    '',
    'Limits of the account',
    joined(
      ...LIMITS.map(([name, what]) => {
        const limit = limitOf(payload[name])
        return limit ? `${limit} ${what}` : ''
      }),
    ),
  )

const named =
  (table: Record<string, Words>): Explain =>
  ({ event }) =>
    table[event]

export const accountWords: Record<string, Explain> = {
  account_update: ({ event, payload }) => EVENTS[event]?.(payload),
  account_alerts: ({ event, payload }) => {
    const known = ALERTS[event]
    const detail = textOf(
      inside(payload['alert_info'])['alert_description'] ?? payload['alert_description'],
    )
    return known && { ...known, detail }
  },
  account_review_update: named(REVIEWS),
  business_capability_update: ({ payload }) => limitWords(payload),
  partner_solutions: ({ event, payload }) =>
    words('', 'A solution with a partner', joined(plain(event), plain(payload['solution_status']))),
  payment_configuration_update: ({ payload }) =>
    words(
      '',
      'The payment settings were changed',
      joined(
        textOf(payload['configuration_name']),
        textOf(payload['provider_name']),
        textOf(payload['status']),
      ),
    ),
  errors: ({ payload }) =>
    words(
      'warn',
      'Meta reports a problem',
      joined(
        textOf(payload['title']),
        textOf(inside(payload['error_data'])['details']),
        textOf(payload['code']),
      ),
    ),
}
