import { rows, type Tx } from '../db.ts'
import { showReport, type ShownReport } from '../notices/shown.ts'
import type { Reported } from '../notices/notices.ts'
import { ago } from './ago.ts'
import type { Connection } from './connections.ts'
import { explainCheck, explainCode, type Verdict } from './verdict.ts'

type Tone = 'ok' | 'warn' | 'danger'
/** One line of a card: an answer that was really got, with its time. */
export type Line = { tone: Tone; text: string; small: string; end: string }
/** What a card shows of a connection; views decide nothing beyond it. */
export type Card = {
  id: string
  name: string
  phone: string
  state: { tone: Tone | ''; icon: string; text: string }
  alarm: (Verdict & { waiting: string }) | undefined
  callbackUrl: string
  /** What Meta last reported of it that is still true; the grave part first. */
  reports: ShownReport[]
  lines: Line[]
  disabled: boolean
}

type Seen = { now: Date; appUrl: string; waiting: number; reports: Reported[] }

/** How many replies wait for each connection, counted up to a thousand in all. */
export async function countWaiting(tx: Tx, org: string): Promise<Map<string, number>> {
  const found = await rows<{ connection_id: string; n: number }>(
    tx,
    `select connection_id, count(*)::int as n
       from (select connection_id from outbox where org_id = ? and state in ('pending', 'retry') limit 1000) w
      group by connection_id`,
    [org],
  )
  return new Map(found.map(({ connection_id, n }) => [connection_id, n]))
}

export function cardOf(connection: Connection, path: string, seen: Seen): Card {
  const alarm = alarmOf(connection)
  return {
    id: connection.id,
    name: connection.name || connection.display_phone || connection.phone_number_id,
    phone: connection.display_phone ?? `Number id ${connection.phone_number_id}`,
    state: chipOf(connection, alarm),
    alarm: alarm && { ...alarm, waiting: waitingLine(seen.waiting) },
    callbackUrl: seen.appUrl + path,
    reports: seen.reports.map((report) => showReport(report, seen.now)),
    lines: linesOf(connection, seen.now),
    disabled: connection.state === 'disabled',
  }
}

/** What keeps the connection from sending, if anything does. */
function alarmOf({ state, state_reason, settings: { check } }: Connection): Verdict | undefined {
  if (state === 'suspended') return explainCode(state_reason ?? '')
  const found = check && explainCheck(check)
  return found?.by === 'wait' ? undefined : found
}

function chipOf(
  { state, state_reason, settings }: Connection,
  alarm: Verdict | undefined,
): Card['state'] {
  if (state === 'disabled') return { tone: '', icon: 'slash', text: 'Switched off' }
  if (['deauthorized', 'disconnected'].includes(state_reason ?? '') && alarm)
    return { tone: 'danger', icon: 'slash', text: 'Disconnected' }
  if (alarm) return { tone: 'danger', icon: 'alert', text: 'Cannot send' }
  if (!settings.handshake_at && !settings.webhook_at)
    return { tone: 'warn', icon: 'clock', text: 'Waiting for Meta' }
  if (!settings.check) return { tone: '', icon: 'info', text: 'Not checked' }
  return settings.check.outcome === 'ok'
    ? { tone: 'ok', icon: 'check', text: 'Healthy' }
    : { tone: 'warn', icon: 'warn', text: 'Check failed' }
}

const waitingLine = (waiting: number): string =>
  waiting === 0
    ? 'Customers still reach you.'
    : `Customers still reach you. ${waiting} ${waiting === 1 ? 'reply waits' : 'replies wait'} and will go out when this is mended.`

function linesOf(connection: Connection, now: Date): Line[] {
  const { handshake_at, webhook_at } = connection.settings
  const handshake = handshake_at
    ? line('ok', 'Callback address confirmed by Meta', '', ago(handshake_at, now))
    : line(
        'warn',
        'Meta has not called the callback address yet',
        'Enter it with the verify token in your Meta app, under WhatsApp, Configuration.',
        '',
      )
  const webhook = webhook_at
    ? line('ok', 'Last webhook', 'Messages come in', ago(webhook_at, now))
    : line('warn', 'No webhook yet', 'Subscribe the app to the field “messages”.', '')
  return [handshake, webhook, tokenLine(connection, now), ...qualityLine(connection, now)]
}

function tokenLine({ settings: { check } }: Connection, now: Date): Line {
  if (!check) return line('warn', 'Token not checked', 'Ask Meta with “Check now”.', '')
  const { title, said, mend, by } = explainCheck(check)
  const tone = by === 'wait' ? 'warn' : 'danger'
  const ends = check.expires_at ? `Ends on ${check.expires_at.slice(0, 10)}` : ''
  return line(check.outcome === 'ok' ? 'ok' : tone, title, said || mend || ends, ago(check.at, now))
}

const QUALITY: Record<string, readonly [Tone, string]> = {
  GREEN: ['ok', 'Quality high'],
  YELLOW: ['warn', 'Quality medium'],
  RED: ['danger', 'Quality low'],
}

function qualityLine({ quality, throughput, verified_at }: Connection, now: Date): Line[] {
  const [tone, text] = QUALITY[quality ?? ''] ?? []
  const small = `Up to ${throughput} messages a second`
  return tone && text ? [line(tone, text, small, verified_at ? ago(verified_at, now) : '')] : []
}

const line = (tone: Tone, text: string, small: string, end: string): Line => ({
  tone,
  text,
  small,
  end,
})
