import { aboutOrganization, credential, key, table } from './vocabulary.ts'

/** The organization's WhatsApp numbers. A phone number here is the business's own, not a customer's. */
export const connections = [
  table(
    'connections',
    { ...aboutOrganization('connection_life'), purpose: ['provide', 'route'] },
    {
      org_id: key,
      id: key,
      name: { category: 'identity', collectedFrom: 'person' },
      phone_number_id: { category: 'contact_detail', collectedFrom: 'person' },
      waba_id: { category: 'contact_detail', collectedFrom: 'person' },
      display_phone: { category: 'contact_detail', collectedFrom: 'derived' },
      state: key,
      state_reason: key,
      access_token: credential,
      app_secret: credential,
      verify_token: credential,
      quality: { category: 'message_metadata', collectedFrom: 'derived' },
      throughput: { category: 'message_metadata', collectedFrom: 'derived' },
      settings: {
        category: 'preference',
        paths: ['handshake_at', 'webhook_at', 'check.*'],
      },
      app_id: { category: 'contact_detail', collectedFrom: 'derived' },
      granted_by: { category: 'contact_detail', collectedFrom: 'derived' },
      verified_at: key,
      created_at: key,
      updated_at: key,
    },
  ),
]
