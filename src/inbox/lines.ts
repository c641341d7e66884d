import type { Message } from '../messages/messages.ts'
import { objectIn, ownIn, textIn, textsIn } from './payloads.ts'
import { paid } from './orders.ts'
import { showPhone } from '../contacts/phone.ts'
import type { Reader } from './ticks.ts'

/** Something that happened, as one line in the thread. */
export type Line = { icon: string; text: string; tone: '' | 'warn' }
type Say = (message: Message, reader: Reader, remarks: Message[]) => Line

const line = (icon: string, text: string, tone: Line['tone'] = ''): Line => ({ icon, text, tone })

const LINES: Record<string, Say> = {
  system: systemLine,
  request_welcome: (_m, { contactName }) =>
    line('user', `${contactName} opened the chat for the first time`),
  preference: preferenceLine,
  payment: paymentLine,
  handover: (_m, _reader) =>
    line('shuffle', 'Another application on this number handed the conversation over'),
  call: callLine,
  call_end: callLine,
  call_status: (m, { contactName }) =>
    line('phone', `A call to ${contactName}: ${textIn(m.payload, 'status')}`),
  reaction: reactionLine,
  revoke: (m, reader) => line('slash', `${nameOf(m, reader)} deleted an earlier message`),
}

/** The line of what is not a bubble, or undefined for a message. `remarks` are the rows that speak of it. */
export function lineOf(message: Message, reader: Reader, remarks: Message[]): Line | undefined {
  return LINES[message.kind]?.(message, reader, remarks)
}

const nameOf = ({ direction }: Message, { contactName }: Reader): string =>
  direction === 'in' ? contactName : 'You'

/** WhatsApp's own sentence is not shown: it reads as if the customer had written it. */
function systemLine(message: Message, { contactName }: Reader): Line {
  const own = ownIn(message)
  const number = textIn(own, 'wa_id', 'new_wa_id')
  switch (textIn(own, 'type')) {
    case 'user_changed_number':
    case 'customer_changed_number':
      return line(
        'phone',
        /^\d{7,15}$/.test(number)
          ? `${contactName} now writes from ${showPhone(number)}`
          : `${contactName} has a new number`,
      )
    case 'user_changed_user_id':
      return line('user', `WhatsApp gave ${contactName} a new id`)
    case 'customer_identity_changed':
      return line(
        'warn',
        `The WhatsApp account of ${contactName} changed. Make sure who it is before you go on`,
        'warn',
      )
    default:
      return line('info', 'A notice of WhatsApp that is not supported yet')
  }
}

function preferenceLine(message: Message, { contactName }: Reader): Line {
  const value = textIn(message.payload, 'value')
  if (value === 'stop') return line('slash', `${contactName} stopped marketing messages from you`)
  if (value === 'resume') return line('check', `${contactName} wants marketing messages again`)
  return line(
    'info',
    `${contactName} changed what they want to get; this choice is not supported yet`,
  )
}

function paymentLine(message: Message): Line {
  const { payload } = message
  const amount = objectIn(payload, 'amount')
  const what = [
    paid(amount['value'], amount['offset'], textIn(payload, 'currency')),
    ...textsIn(payload, 'reference_id'),
  ].filter(Boolean)
  const state = textIn(payload, 'status')
  const isBad = state === 'failed'
  return line(
    isBad ? 'warn' : 'check',
    ['Payment', state, ...what.map((one) => `· ${one}`)].join(' '),
    isBad ? 'warn' : '',
  )
}

function reactionLine(message: Message, reader: Reader): Line {
  const emoji = textIn(ownIn(message), 'emoji')
  const who = nameOf(message, reader)
  return line(
    'smile',
    emoji
      ? `${who} reacted with ${emoji} to an earlier message`
      : `${who} took back a reaction to an earlier message`,
  )
}

/** A call and how it went: its end and its states are rows of their own, in any order. */
function callLine(call: Message, { contactName }: Reader, remarks: Message[]): Line {
  const all = [call, ...remarks]
  const end = all.find(({ kind }) => kind === 'call_end')
  const seconds = Number(end?.payload['duration'])
  const isTalk = seconds > 0 && seconds < 1e6
  const length = isTalk ? `, ${lengthOf(Math.round(seconds))}` : ''
  const isDeclined = all.some(({ payload }) => textIn(payload, 'status') === 'rejected')
  if (call.direction === 'in') {
    const isMissed = end !== undefined && !isTalk
    return isMissed
      ? line('phone', `Missed call from ${contactName}`, 'warn')
      : line('phone', `${contactName} called${length}`)
  }
  const outcome = isDeclined ? ', declined' : end && !isTalk ? ', not answered' : length
  return line('phone', `You called ${contactName}${outcome}`)
}

const lengthOf = (seconds: number): string =>
  seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
