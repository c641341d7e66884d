import { z } from 'zod'

/** What people do, by the route that does it. A route that is not here is no feature that is counted. */
const FEATURES: Readonly<Record<string, string>> = {
  '/inbox/:id/messages': 'reply',
  '/inbox/:id/messages/:message/retry': 'send_again',
  '/inbox/:id/messages/:message/cancel': 'cancel_message',
  '/inbox/:id/templates/:template': 'send_template',
  '/inbox/:id/assignment': 'assign',
  '/inbox/:id/status': 'change_status',
  '/contacts': 'add_contact',
  '/contacts/:id': 'change_contact',
  '/templates/syncs': 'sync_templates',
  '/templates': 'add_template',
  '/templates/:id/parts': 'change_template',
  '/templates/:id/removal': 'delete_template',
  '/settings/members/invitations': 'invite',
  '/settings/connections': 'add_connection',
  '/settings/connections/:id/checks': 'check_connection',
  '/settings/api-keys': 'add_api_key',
  '/settings/privacy/retention': 'set_retention',
}

/** The name of the feature behind a form's route pattern, or undefined where it is none. */
export const featureOf = (pattern: string): string | undefined =>
  Object.hasOwn(FEATURES, pattern) ? FEATURES[pattern] : undefined

const NAMES = new Set(Object.values(FEATURES))
/** A route pattern has no digit in it, so no id, number or address passes for one. */
const PATTERN = /^\/[a-zA-Z:/_-]{0,99}$/

/** An event as it travels and lies: where, what, when, and a random number for the person. Nothing else is let in. */
export const Event = z.strictObject({
  id: z.uuid(),
  ref: z.uuid(),
  page: z.string().regex(PATTERN),
  feature: z
    .string()
    .refine((name) => NAMES.has(name))
    .nullable(),
  at: z.number().int().min(0),
})

/** Somebody looked at a page or used a feature, as the web process sees it. `at` in milliseconds. */
export type Seen = {
  org: string
  user: string
  page: string
  feature: string | null
  at: number
}
