import { rows, type Tx } from '../db.ts'

/** One WhatsApp number of one organization, as operators see it: no customer, no text. */
export type ConnectionLine = {
  org_id: string
  org_name: string
  connection_id: string
  name: string
  state: 'pending' | 'active' | 'disabled' | 'suspended'
  /** Why it cannot send: Meta's code or a word of ours. */
  state_reason: string | null
  quality: string | null
  handshake_at: string | null
  webhook_at: string | null
  checked_at: string | null
  check_outcome: string | null
  /** Messages to be sent, at most a thousand of them counted; those that are held wait for the connection. */
  waiting: number
  waitingS: number | null
  held: number
  heldS: number | null
  /** Messages of which nobody knows whether they went out. */
  unsure: number
  unsureS: number | null
}

/** A message of unknown outcome. */
export type UnsureLine = {
  org_id: string
  org_name: string
  conversation_id: string
  message_id: string
  code: string | null
  ageS: number
}

export const SHOWN_CONNECTIONS = 100
/** Beyond so many the sums are too low; those in trouble are among them. */
const READ_CONNECTIONS = 5_000
const SHOWN_UNSURE = 20

/** Connections, those in trouble first. */
export const readConnections = (tx: Tx): Promise<ConnectionLine[]> =>
  rows<ConnectionLine>(
    tx,
    `select c.org_id, o.name as org_name, c.connection_id, c.name, c.state, c.state_reason, c.quality, c.handshake_at,
            c.webhook_at, c.checked_at, c.check_outcome, c.waiting, ${age('c.waiting_since')} as "waitingS",
            c.held, ${age('c.held_since')} as "heldS", c.unsure, ${age('c.unsure_since')} as "unsureS"
       from ops_connections(?) c join organizations o on o.org_id = c.org_id
      order by (c.state = 'suspended') desc, c.held desc, c.unsure desc, c.waiting_since nulls last, o.name, c.connection_id`,
    [READ_CONNECTIONS],
  )

export const readUnsure = (tx: Tx): Promise<UnsureLine[]> =>
  rows<UnsureLine>(
    tx,
    `select u.org_id, o.name as org_name, u.conversation_id, u.message_id, u.error_code as code, ${age('u.created_at')} as "ageS"
       from ops_unsure(?) u join organizations o on o.org_id = u.org_id order by u.created_at`,
    [SHOWN_UNSURE],
  )

const age = (column: string): string => `extract(epoch from now() - ${column})::float8`
