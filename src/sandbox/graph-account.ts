import { sameSecret } from '../ids.ts'
import { unknownObject } from './graph-refusals.ts'
import type { Line, Sandbox } from './state.ts'

/** `GET /{phone-number-id}`. */
export const describeNumber = (line: Line): Record<string, unknown> => ({
  id: line.phoneNumberId,
  display_phone_number: line.displayPhone,
  verified_name: line.name,
  quality_rating: 'GREEN',
  code_verification_status: 'VERIFIED',
  status: 'CONNECTED',
  platform_type: 'CLOUD_API',
  account_mode: 'SANDBOX',
  throughput: { level: 'STANDARD' },
})

const SCOPES = ['whatsapp_business_messaging', 'whatsapp_business_management']
const APP = { id: '100000000000000', name: 'ChatFlow sandbox', link: 'https://example.com' }

/** Who granted the tokens of the sandbox. */
const GRANTOR = '200000000000000'

/** `GET /debug_token`: what a token may do. It never expires here. */
export function describeToken(box: Sandbox, token: unknown): object {
  const line = box.lines.find((found) => sameSecret(found.accessToken, String(token)))
  const isValid = line !== undefined && !line.switches.token_revoked
  const targets = line === undefined ? [] : [line.wabaId]
  return {
    data: {
      app_id: APP.id,
      user_id: GRANTOR,
      application: APP.name,
      type: 'SYSTEM_USER',
      is_valid: isValid,
      expires_at: 0,
      scopes: isValid ? SCOPES : [],
      granular_scopes: SCOPES.map((scope) => ({ scope, target_ids: targets })),
    },
  }
}

/** `GET`, `POST` and `DELETE /{waba-id}/subscribed_apps`: whether webhooks are sent at all. */
export function subscription(box: Sandbox, line: Line, id: string, method: string): object {
  if (id !== line.wabaId) throw unknownObject()
  if (method === 'GET')
    return { data: line.subscribed ? [{ whatsapp_business_api_data: APP }] : [] }
  line.subscribed = method === 'POST'
  box.changed(line.org)
  return { success: true }
}

/** `DELETE /{user-id}/permissions`: whoever granted it takes everything back, and the token works no more. */
export function withdrawal(box: Sandbox, line: Line, id: string): object {
  if (id !== GRANTOR) throw unknownObject()
  line.switches.token_revoked = true
  box.changed(line.org)
  return { success: true }
}
