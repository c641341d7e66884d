import type { TemplateState } from '../notices/notices.ts'

type Loose = Record<string, unknown>

const template = {
  message_template_id: '1',
  message_template_name: 'order_on_its_way',
  message_template_language: 'pt_BR',
}

/** What Meta may report of a number, an account or a template: the field of the webhook and its value. */
export const REPORTS: [field: string, value: Loose][] = [
  [
    'account_update',
    {
      event: 'ACCOUNT_RESTRICTION',
      restriction_info: [
        { restriction_type: 'RESTRICTED_BIZ_INITIATED_MESSAGING', expiration: 1_796_600_000 },
      ],
    },
  ],
  [
    'account_update',
    {
      event: 'DISABLED_UPDATE',
      ban_info: { waba_ban_state: 'SCHEDULE_FOR_DISABLE', waba_ban_date: 'December 24, 2026' },
    },
  ],
  ['account_update', { event: 'ACCOUNT_VIOLATION', violation_info: { violation_type: 'SCAM' } }],
  ['account_update', { event: 'ACCOUNT_RECONNECTED' }],
  ['account_alerts', { alert_type: 'PROFILE_PICTURE_LOST', alert_severity: 'WARNING' }],
  ['account_alerts', { alert_type: 'OBA_APPROVED' }],
  ['account_review_update', { decision: 'APPROVED' }],
  [
    'business_capability_update',
    { max_daily_conversations_per_business: 'TIER_10K', max_phone_numbers_per_waba: 25 },
  ],
  [
    'phone_number_quality_update',
    { event: 'FLAGGED', old_limit: 'TIER_10K', current_limit: 'TIER_2K' },
  ],
  [
    'phone_number_name_update',
    {
      decision: 'REJECTED',
      requested_verified_name: 'Loja da Maya',
      rejection_reason: 'NAME_NOT_CONSISTENT',
    },
  ],
  ['business_username_update', { username: 'loja.maya', status: 'approved' }],
  ['security', { event: 'PIN_CHANGED' }],
  ['message_template_status_update', { ...template, event: 'APPROVED' }],
  [
    'message_template_status_update',
    {
      ...template,
      event: 'REJECTED',
      reason: 'INVALID_FORMAT',
      rejection_info: { reason: 'Adjacent variables', recommendation: 'Put words between them' },
    },
  ],
  [
    'message_template_quality_update',
    { ...template, previous_quality_score: 'GREEN', new_quality_score: 'RED' },
  ],
  [
    'template_category_update',
    {
      ...template,
      new_category: 'UTILITY',
      correct_category: 'MARKETING',
      category_update_timestamp: 1_796_200_000,
    },
  ],
  [
    'flows',
    {
      event: 'ENDPOINT_LATENCY',
      alert_state: 'ACTIVATED',
      message: 'The endpoint of a form answers slowly.',
    },
  ],
  [
    'payment_configuration_update',
    { configuration_name: 'pix', provider_name: 'banco', status: 'Needs Testing' },
  ],
  ['account_update', { event: 'BRAND_NEW_EVENT' }],
]

const row = (name: string, more: Partial<TemplateState>): TemplateState => ({
  id: name,
  name,
  language: 'pt_BR',
  status: null,
  reason: null,
  category: 'UTILITY',
  next_category: null,
  next_category_at: null,
  quality: null,
  ...more,
})

export const TEMPLATES: TemplateState[] = [
  row('order_on_its_way', { status: 'APPROVED', quality: 'GREEN' }),
  row('order_ready', { status: 'PAUSED', quality: 'RED', next_category: 'MARKETING' }),
  row('winter_sale', { status: 'REJECTED', reason: 'ABUSIVE_CONTENT', category: 'MARKETING' }),
  row('appointment', { status: 'PENDING', quality: 'UNKNOWN' }),
]
