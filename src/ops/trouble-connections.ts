import { explainCode } from '../connections/verdict.ts'
import type { ConnectionLine } from './connection-lines.ts'
import type { Reading } from './reading.ts'
import { span } from './spans.ts'
import type { Trouble } from './troubles.ts'

/** Ages in seconds from which on a message that can be sent is late. */
const LATE = [60, 300] as const
/** An agent is asked after two minutes; what is still unknown then is worth a look. */
const UNSURE_S = 600

/** What keeps numbers from sending. */
export const connectionTroubles = ({ connections }: Reading): Trouble[] =>
  connections.flatMap((line) => [...held(line), ...late(line), ...unsure(line), ...quality(line)])

/** What an operator calls a connection: its owner, and the name it has there. */
export const nameOf = ({ org_name, name }: ConnectionLine): string =>
  name ? `${org_name}, ${name}` : org_name

function held(line: ConnectionLine): Trouble[] {
  if (line.state !== 'suspended') return []
  const { title, mend } = explainCode(line.state_reason ?? '')
  const waits =
    line.held > 0 ? ` ${many(line.held, 'message')} held for ${span(line.heldS ?? 0)}.` : ''
  return [
    {
      kind: 'connection_held',
      level: 'danger',
      title: `${nameOf(line)} cannot send: ${title}${waits}`,
      mend: `An admin of the organization mends it under Settings → Connections. ${mend}`,
    },
  ]
}

function late(line: ConnectionLine): Trouble[] {
  const { waitingS, state } = line
  if (waitingS === null || waitingS < LATE[0] || state === 'suspended') return []
  return [
    {
      kind: 'outbox_old',
      level: waitingS < LATE[1] ? 'warn' : 'danger',
      title: `A message of ${nameOf(line)} has waited for ${span(waitingS)} to be sent.`,
      mend: 'See whether the queue outbound is worked at and whether the Graph API answers; the log says “posted” with each outcome.',
    },
  ]
}

function unsure(line: ConnectionLine): Trouble[] {
  const { unsureS } = line
  if (unsureS === null || unsureS < UNSURE_S) return []
  return [
    {
      kind: 'outcome_unknown',
      level: 'warn',
      title: `Of ${many(line.unsure, 'message')} of ${nameOf(line)} nobody knows whether they went out, for up to ${span(unsureS)}.`,
      mend: 'Nothing is sent twice by itself. A receipt from WhatsApp settles it; else an agent decides in the conversation.',
      href: '#unsure',
    },
  ]
}

const quality = (line: ConnectionLine): Trouble[] =>
  line.quality === 'RED'
    ? [
        {
          kind: 'connection_quality',
          level: 'warn',
          title: `WhatsApp rates the quality of ${nameOf(line)} low.`,
          mend: 'People block or report it. Its owner should write to fewer people who did not ask for it.',
        },
      ]
    : []

const many = (n: number, word: string): string => `${n} ${word}${n === 1 ? '' : 's'}`
