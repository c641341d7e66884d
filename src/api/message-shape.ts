import { z } from 'zod'
import type { MessageFile } from '../media/files.ts'
import type { Message } from '../messages/messages.ts'
import { explain } from '../sending/graph-errors.ts'
import { iso, maybeTime, named, time } from './shapes.ts'

const STATUSES = [
  'received',
  'queued',
  'sending',
  'sent',
  'delivered',
  'read',
  'failed',
  'unknown',
  'cancelled',
] as const

/** Of a file that is on its way a program need not know by which step. */
const FILE_STATUSES = ['pending', 'stored', 'failed', 'expired', 'refused'] as const

export const MessageShape = named(
  'Message',
  z.object({
    id: z.uuid(),
    conversation_id: z.uuid(),
    contact_id: z.uuid(),
    direction: z.enum(['in', 'out']),
    kind: z.string(),
    text: z.string().nullable(),
    payload: z.unknown().meta({ description: 'The object of this kind, in WhatsApp’s own shape.' }),
    status: z.enum(STATUSES),
    wamid: z.string().nullable(),
    error: z
      .object({ code: z.string().nullable(), title: z.string().nullable(), advice: z.string() })
      .nullable()
      .meta({ description: 'Set while the status is failed.' }),
    media: z
      .object({
        id: z.uuid(),
        mime: z.string().nullable(),
        size: z.number().nullable().meta({ description: 'In bytes.' }),
        sha256: z.string().nullable().meta({ description: 'In hex.' }),
        status: z.enum(FILE_STATUSES),
      })
      .nullable()
      .meta({
        description: 'The file it carries; its bytes are at `/media/{id}` once it is stored.',
      }),
    context: z.object({ wamid: z.string() }).nullable(),
    author_id: z.uuid().nullable(),
    created_at: time.meta({ description: 'Of inbound messages: WhatsApp’s own time.' }),
    sent_at: maybeTime,
    delivered_at: maybeTime,
    read_at: maybeTime,
    failed_at: maybeTime,
    corrections: z
      .array(z.object({ text: z.string(), at: time }))
      .meta({ description: 'What is right instead; the words of the message stay.' }),
    restricted: z
      .boolean()
      .meta({ description: 'The contact’s data are only kept; nothing is told of what was said.' }),
  }),
)

export const showMessage = (m: Message): z.input<typeof MessageShape> => ({
  id: m.id,
  conversation_id: m.conversation_id,
  contact_id: m.contact_id,
  direction: m.direction,
  kind: m.kind,
  text: m.text,
  payload: m.payload,
  status: m.status === 'accepted' ? 'sent' : m.status,
  wamid: m.wamid,
  error: m.status === 'failed' ? showError(m) : null,
  media: m.media && showFile(m.media),
  context: m.context_wamid === null ? null : { wamid: m.context_wamid },
  author_id: m.author_id,
  created_at: m.created_at.toISOString(),
  sent_at: iso(m.sent_at),
  delivered_at: iso(m.delivered_at),
  read_at: iso(m.read_at),
  failed_at: iso(m.failed_at),
  corrections: m.corrections.map(({ text, at }) => ({ text, at: new Date(at).toISOString() })),
  restricted: m.restricted,
})

type FileShape = NonNullable<z.input<typeof MessageShape>['media']>

function showFile({ id, mime, size, sha256, status }: MessageFile): FileShape {
  const isKnown = (FILE_STATUSES as readonly string[]).includes(status)
  return { id, mime, size, sha256, status: isKnown ? (status as FileShape['status']) : 'pending' }
}

function showError(m: Message): { code: string | null; title: string | null; advice: string } {
  const { line } = explain(m.error_code, m.error_title)
  return {
    code: m.error_code,
    title: m.error_title,
    advice: line.replaceAll('{name}', 'the contact'),
  }
}
