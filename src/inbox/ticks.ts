import type { Message } from '../messages/messages.ts'
import { explain } from '../sending/graph-errors.ts'
import type { Times } from './times.ts'

/** Who reads: their clock, what they call the contact, and whether the settings are open to them. */
export type Reader = { times: Times; now: Date; contactName: string; mayAdmin: boolean }
export type Advice = {
  bad: boolean
  line: string
  action: 'retry' | 'template' | 'settings' | ''
  button: string
}
export type Tick = { icon: string; label: string; kind: string }

/** Where a sent message is, by shape first: clock, one tick, two, two in a capsule, ring, dots. */
export function tickOf(m: Message, { times }: Reader): Tick {
  const at = (date: Date | null): string => (date ? ` ${times.clock(date)}` : '')
  const ticks: Record<string, Tick> = {
    queued: { icon: 'clock', label: 'Waiting to be sent', kind: '' },
    sending: { icon: 'clock', label: 'Sending', kind: '' },
    unknown: { icon: 'unsure', label: 'We do not know whether it arrived', kind: '' },
    accepted: { icon: 'tick', label: 'Sent', kind: '' },
    sent: { icon: 'tick', label: `Sent${at(m.sent_at)}`, kind: '' },
    failed: { icon: 'alert', label: 'Not delivered', kind: 'bad' },
    delivered: { icon: 'ticks', label: `Delivered${at(m.delivered_at)}`, kind: '' },
    read: { icon: 'read', label: `Read${at(m.read_at)}`, kind: 'read' },
    cancelled: { icon: 'cancelled', label: 'Cancelled before sending', kind: '' },
  }
  return ticks[m.status] ?? { icon: 'clock', label: m.status, kind: '' }
}

export function adviceOf(m: Message, reader: Reader): Advice | undefined {
  if (m.direction === 'in') return undefined
  if (m.via)
    return m.status === 'failed'
      ? { bad: true, line: 'It was not delivered, says the phone app.', action: '', button: '' }
      : undefined
  if (m.status === 'cancelled')
    return { bad: false, line: 'Cancelled before it was sent.', action: '', button: '' }
  if (m.resent_as && ['failed', 'unknown'].includes(m.status))
    return { bad: false, line: 'Sent again below.', action: '', button: '' }
  if (m.status === 'unknown')
    return {
      bad: false,
      line: 'Not sure it was sent. The receipt from WhatsApp will tell; sending again may arrive twice.',
      action: 'retry',
      button: 'Send again anyway',
    }
  if (m.status === 'failed') return failureOf(m, reader)
  return undefined
}

function failureOf(m: Message, { contactName, mayAdmin }: Reader): Advice {
  const { line, action } = explain(m.error_code, m.error_title)
  const told = line.replaceAll('{name}', () => contactName)
  if (action === 'retry') return { bad: true, line: told, action: 'retry', button: 'Send again' }
  if (action === 'template')
    return { bad: true, line: told, action: 'template', button: 'Choose a template' }
  if (action === 'admin')
    return mayAdmin
      ? { bad: true, line: told, action: 'settings', button: 'Open the connection' }
      : {
          bad: true,
          line: `${told} An admin can mend this in the settings.`,
          action: '',
          button: '',
        }
  return { bad: true, line: told, action: '', button: '' }
}
