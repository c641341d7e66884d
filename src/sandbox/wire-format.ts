import { createHash, createHmac, randomBytes } from 'node:crypto'
import { isSample, sampleOf, type SampleKind } from './samples.ts'
import type { Entry, Line, Person } from './state.ts'
import type { ShelfTemplate } from './template-shelf.ts'

/** A message id as opaque as WhatsApp's: base64, so it holds `+`, `/` and `=`. */
export const newWamid = (): string => `wamid.HBg${randomBytes(27).toString('base64')}==`

/**
 * The bytes as Meta sends them: everything beyond ASCII and every slash escaped, so that a receiver who signs
 * its own re-serialised JSON fails here as it would there.
 * Source: Webhooks, "Validate payloads".
 */
export const toBytes = (body: object): string =>
  JSON.stringify(body)
    .replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .replaceAll('/', '\\/')

/** The value of `X-Hub-Signature-256`. */
export const sign = (appSecret: string, bytes: string): string =>
  `sha256=${createHmac('sha256', appSecret).update(bytes).digest('hex')}`

const seconds = (ms: number): string => String(Math.floor(ms / 1000))

/** A webhook of the field `messages` with the given arrays in its value. */
function envelope(line: Line, value: object): object {
  const metadata = {
    display_phone_number: line.displayPhone.replace(/\D/g, ''),
    phone_number_id: line.phoneNumberId,
  }
  return {
    object: 'whatsapp_business_account',
    entry: [
      {
        id: line.wabaId,
        changes: [
          { value: { messaging_product: 'whatsapp', metadata, ...value }, field: 'messages' },
        ],
      },
    ],
  }
}

/** What a customer's message looks like on the wire. */
export function messageWebhook(line: Line, person: Person, entry: Entry): object {
  const profile = {
    name: person.name,
    ...(person.username ? { username: person.username } : {}),
  }
  const contact = {
    profile,
    ...(person.hidden ? {} : { wa_id: person.phone }),
    user_id: person.userId,
  }
  const message = {
    ...(person.hidden ? {} : { from: person.phone }),
    from_user_id: person.userId,
    id: entry.id,
    timestamp: seconds(entry.at),
    type: entry.kind,
    [entry.kind]: contentOf(entry),
    ...(entry.context && entry.kind !== 'reaction'
      ? { context: { from: line.displayPhone.replace(/\D/g, ''), id: entry.context } }
      : {}),
  }
  return envelope(line, { contacts: [contact], messages: [message] })
}

function contentOf(entry: Entry): object {
  if (entry.kind === 'reaction')
    return { message_id: entry.context, ...(entry.text === '' ? {} : { emoji: entry.text }) }
  return isSample(entry.kind) ? fileOf(entry, entry.kind) : { body: entry.text }
}

/** Meta's id of the file of a message. */
export const mediaIdOf = ({ id }: Pick<Entry, 'id'>): string =>
  createHash('sha256')
    .update(id)
    .digest()
    .readBigUInt64BE(0)
    .toString()
    .padStart(20, '1')
    .slice(0, 15)

function fileOf(entry: Entry, kind: SampleKind): object {
  const { bytes, mime, name } = sampleOf(kind)
  return {
    ...(entry.text === '' || kind === 'audio' ? {} : { caption: entry.text }),
    ...(kind === 'document' ? { filename: name } : {}),
    ...(kind === 'audio' ? { voice: true } : {}),
    mime_type: mime,
    sha256: createHash('sha256').update(bytes).digest('base64'),
    id: mediaIdOf(entry),
  }
}

/** What Meta reports of one of the business's messages; `at` in milliseconds. */
export function statusWebhook(line: Line, person: Person, entry: Entry, at: number): object {
  const pricing = { billable: true, pricing_model: 'PMP', type: 'regular', category: 'service' }
  const status = {
    id: entry.id,
    status: entry.status,
    timestamp: seconds(at),
    ...(person.hidden ? {} : { recipient_id: person.phone }),
    recipient_user_id: person.userId,
    ...(entry.callback === undefined ? {} : { biz_opaque_callback_data: entry.callback }),
    ...(entry.status === 'read' ? {} : { pricing }),
  }
  return envelope(line, { statuses: [status] })
}

/** What Meta reports of a template of the line's account; `at` in milliseconds. */
export function templateWebhook(
  line: Line,
  template: ShelfTemplate,
  event: string,
  at: number,
): object {
  const rejection = {
    reason: 'INVALID_FORMAT',
    rejection_info: {
      reason: 'The words asked to be rejected.',
      recommendation: 'Take “reject me” out of the template.',
    },
  }
  const value = {
    event,
    message_template_id: Number(template.id),
    message_template_name: template.name,
    message_template_language: template.language,
    message_template_category: template.category,
    ...(event === 'REJECTED' ? rejection : { reason: 'NONE' }),
  }
  return {
    object: 'whatsapp_business_account',
    entry: [
      {
        id: line.wabaId,
        time: Math.floor(at / 1_000),
        changes: [{ value, field: 'message_template_status_update' }],
      },
    ],
  }
}
