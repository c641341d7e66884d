import { z } from 'zod'
import { errors, flag, many, number, some, text, word, words } from '../messages/loose.ts'

// The fields we declare of what Meta reports. Source: WhatsApp Cloud API, webhooks, one page for each field.

const alert = {
  alert_severity: text,
  alert_status: text,
  alert_type: text,
  alert_description: text,
}
const template = {
  message_template_id: word,
  message_template_name: text,
  message_template_language: text,
}
const change = some({ update_successful: flag, errors })
const country = { country_code: text, start_time: number }

const account = z.object({
  event: text,
  phone_number: word,
  country: text,
  ban_info: some({ waba_ban_state: text, waba_ban_date: word }),
  violation_info: some({ violation_type: text }),
  restriction_info: many({ restriction_type: text, expiration: number, remediation: text }),
  disconnection_info: some({ reason: text, initiated_by: text, timestamp: number }),
  waba_info: some({
    waba_id: word,
    owner_business_id: word,
    partner_app_id: word,
    solution_id: word,
    solution_partner_business_ids: words,
    ad_account_id: word,
    ad_account_linked: word,
  }),
  volume_tier_info: some({
    tier: text,
    pricing_category: text,
    region: text,
    effective_month: text,
    tier_update_time: number,
  }),
  auth_international_rate_eligibility: some({
    start_time: number,
    exception_countries: many(country),
  }),
  partner_client_certification_info: some({
    client_business_id: word,
    status: text,
    rejection_reasons: words,
  }),
  partner_client_certification_needed_info: some({ client_business_id: word }),
})

const flows = z.object({
  event: text,
  message: text,
  flow_id: word,
  old_status: text,
  new_status: text,
  error_rate: number,
  threshold: number,
  alert_state: text,
  availability: number,
  p50_latency: number,
  p90_latency: number,
  requests_count: number,
  warning: text,
  errors: many({ error_type: text, error_rate: number, error_count: number }),
})

/** Of a group's members only how many, never who. */
const group = z.object({
  type: text,
  group_id: text,
  request_id: text,
  timestamp: number,
  reason: text,
  initiated_by: text,
  join_approval_mode: text,
  group_subject: change,
  group_description: change,
  profile_picture: change,
  errors,
})

const hours = many({ day_of_week: text, open_time: text, close_time: text })

/** By the webhook field, or by the list that an item stands in. */
export const SHAPES = {
  account_update: account,
  account_alerts: z.object({
    entity_type: text,
    entity_id: word,
    alert_info: some(alert),
    ...alert,
  }),
  account_review_update: z.object({ decision: text }),
  account_settings_update: z.object({
    timestamp: number,
    type: text,
    phone_number_settings: some({
      phone_number_id: word,
      calling: some({
        status: text,
        call_icon_visibility: text,
        callback_permission_status: text,
        call_hours: some({ status: text, timezone_id: text, weekly_operating_hours: hours }),
      }),
    }),
  }),
  business_capability_update: z.object({
    max_daily_conversation_per_phone: number,
    max_daily_conversations_per_business: number,
    max_phone_numbers_per_business: number,
    max_phone_numbers_per_waba: number,
  }),
  business_username_update: z.object({ display_phone_number: word, username: text, status: text }),
  message_template_status_update: z.object({
    ...template,
    event: text,
    reason: text,
    message_template_category: text,
    previous_quality_score: text,
    new_quality_score: text,
    disable_info: some({ disable_date: word }),
    other_info: some({ title: text, description: text }),
    rejection_info: some({ reason: text, recommendation: text }),
  }),
  message_template_quality_update: z.object({
    ...template,
    previous_quality_score: text,
    new_quality_score: text,
  }),
  message_template_components_update: z.object({
    ...template,
    message_template_title: text,
    message_template_element: text,
    message_template_footer: text,
    message_template_buttons: many({
      message_template_button_type: text,
      message_template_button_text: text,
      message_template_button_url: text,
      message_template_button_phone_number: text,
    }),
  }),
  template_category_update: z.object({
    ...template,
    previous_category: text,
    new_category: text,
    correct_category: text,
    category_update_timestamp: number,
  }),
  phone_number_quality_update: z.object({
    display_phone_number: word,
    phone_number: word,
    event: text,
    old_limit: text,
    current_limit: text,
    max_daily_conversations_per_business: number,
  }),
  phone_number_name_update: z.object({
    display_phone_number: word,
    decision: text,
    requested_verified_name: text,
    rejection_reason: text,
  }),
  security: z.object({ display_phone_number: word, event: text }),
  flows,
  partner_solutions: z.object({ event: text, solution_id: word, solution_status: text }),
  payment_configuration_update: z.object({
    configuration_name: text,
    provider_name: text,
    provider_mid: text,
    status: text,
    created_timestamp: number,
    updated_timestamp: number,
  }),
  history: z.object({
    metadata: some({ phase: number, chunk_order: number, progress: number }),
    errors,
  }),
  group_lifecycle_update: group,
  group_participants_update: group,
  group_settings_update: group,
  group_status_update: group,
  /** The click id leads to a person and is not declared. */
  automatic_events: z.object({
    event_name: text,
    timestamp: number,
    custom_data: some({ currency: text, value: number }),
  }),
  user_actions: z.object({ action_type: text, timestamp: number }),
  errors: z.object({
    code: number,
    title: text,
    message: text,
    href: text,
    error_data: some({ details: text }),
  }),
} as const
export type Shape = keyof typeof SHAPES
