import { z } from 'zod'
import { errors, flag, many, number, some, text, word } from './loose.ts'

// The fields we declare of messages and statuses: these may be stored in clear.
// Source: WhatsApp Cloud API, webhooks, messages and statuses.

const media = some({
  id: word,
  mime_type: text,
  sha256: text,
  caption: text,
  filename: text,
  url: text,
  voice: flag,
  animated: flag,
})
const location = some({ latitude: number, longitude: number, name: text, address: text, url: text })
const cards = many({
  name: some({
    formatted_name: text,
    first_name: text,
    middle_name: text,
    last_name: text,
    prefix: text,
    suffix: text,
  }),
  phones: many({ phone: text, wa_id: word, type: text }),
  emails: many({ email: text, type: text }),
  addresses: many({
    street: text,
    city: text,
    state: text,
    zip: text,
    country: text,
    country_code: text,
    type: text,
  }),
  org: some({ company: text, department: text, title: text }),
  urls: many({ url: text, type: text }),
  birthday: text,
  vcard: text,
  user_id: text,
})
const context = some({
  from: word,
  id: text,
  forwarded: flag,
  frequently_forwarded: flag,
  referred_product: some({ catalog_id: word, product_retailer_id: word }),
})

const kinds = {
  text: some({ body: text }),
  image: media,
  video: media,
  audio: media,
  document: media,
  sticker: media,
  location,
  contacts: cards,
  reaction: some({ message_id: text, emoji: text }),
  button: some({ payload: text, text }),
  interactive: some({
    type: text,
    button_reply: some({ id: text, title: text }),
    list_reply: some({ id: text, title: text, description: text }),
    nfm_reply: some({ name: text, body: text, response_json: text }),
    call_permission_reply: some({
      response: text,
      response_source: text,
      expiration_timestamp: number,
      is_permanent: flag,
    }),
    payment_method: some({ payment_method: text, payment_timestamp: number, reference_id: text }),
  }),
  order: some({
    catalog_id: word,
    text,
    product_items: many({
      product_retailer_id: word,
      quantity: number,
      item_price: number,
      currency: text,
    }),
  }),
  system: some({
    type: text,
    body: text,
    customer: word,
    wa_id: word,
    new_wa_id: word,
    user_id: text,
    parent_user_id: text,
    previous_user_id: text,
    previous_parent_user_id: text,
  }),
  unsupported: some({ type: text }),
  revoke: some({ original_message_id: text }),
}
const edit = some({
  original_message_id: text,
  message: some({ context, type: text, ...kinds }),
})

/** Kinds we know, the ones without an object of their own included. */
export const KINDS = new Set([
  ...Object.keys(kinds),
  'edit',
  'request_welcome',
  'ephemeral',
  'unknown',
])

export const Message = z.object({
  id: text,
  from: word,
  from_user_id: text,
  from_parent_user_id: text,
  to: word,
  to_user_id: text,
  to_parent_user_id: text,
  group_id: text,
  timestamp: number,
  type: text,
  origin: text,
  context,
  errors,
  identity: some({ acknowledged: flag, created_timestamp: number, hash: text }),
  referral: some({
    source_type: text,
    source_id: word,
    source_url: text,
    headline: text,
    body: text,
    media_type: text,
    image_url: text,
    video_url: text,
    thumbnail_url: text,
    ctwa_clid: text,
    ref: text,
    welcome_message: some({ text }),
  }),
  history_context: some({ status: text, from_me: flag }),
  edit,
  ...kinds,
})
export type Message = z.infer<typeof Message>

export const Profile = z.object({
  wa_id: word,
  user_id: text,
  parent_user_id: text,
  profile: some({ name: text, username: text }),
})
export type Profile = z.infer<typeof Profile>

export const Status = z.object({
  id: text,
  status: text,
  type: text,
  timestamp: number,
  recipient_type: text,
  recipient_id: word,
  recipient_user_id: text,
  biz_opaque_callback_data: text,
  errors,
  conversation: some({ id: text, expiration_timestamp: number, origin: some({ type: text }) }),
  pricing: some({ billable: flag, pricing_model: text, type: text, category: text }),
  payment: some({
    reference_id: text,
    amount: some({ value: number, offset: number }),
    currency: text,
    transaction: some({ type: text, status: text }),
  }),
})
export type Status = z.infer<typeof Status>
