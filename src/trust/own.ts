import { rows, type Tx } from '../db.ts'
import { verifyAudit } from '../audit/verify.ts'
import { DAY_MS, LIMITS } from '../privacy/limits.ts'
import { readOwnRules } from '../privacy/own-rules.ts'
import type { Resources } from '../resources.ts'
import { dueAt } from '../rights/clock.ts'
import { span, type Figure, type Reading } from './figure.ts'
import { openRequests } from './figures-rights.ts'
import { countUnsealed } from './sealing.ts'

/** The same kind of evidence about one organization, for its admins: their own numbers, so none is hidden. */
export function ownFigures(org: string): Figure[] {
  const figure = (about: Omit<Figure, 'measure' | 'freshDays'>, look: Look): Figure => ({
    ...about,
    freshDays: 1,
    measure: (on) => on.db.withTenant(org, (tx) => look(tx, org, on.now())),
  })
  return [
    figure(
      {
        id: 'own_requests',
        group: 'rights',
        title: 'Requests of people that wait for an answer',
        how: 'Open cases of your desk, and the one that is due next',
      },
      readRequests,
    ),
    figure(
      {
        id: 'own_messages',
        group: 'deletion',
        title: 'Oldest message',
        how: 'The oldest message there is, beside the days you chose',
      },
      readMessages,
    ),
    figure(
      {
        id: 'own_exports',
        group: 'sharing',
        title: 'Exports that can be fetched now',
        how: 'Files that were made and have not ended yet',
      },
      readExports,
    ),
    figure(
      {
        id: 'own_audit',
        group: 'security',
        title: 'Audit log is whole',
        how: 'Every entry is checked against the hash of the one before it',
      },
      readAudit,
    ),
    { ...OWN_SECRETS, measure: (on) => readSecrets(on, org) },
    { ...OWN_DELETIONS, measure: (on) => readDeletions(on, org) },
  ]
}

type Look = (tx: Tx, org: string, now: Date) => Promise<Reading>

const OWN_SECRETS = {
  id: 'own_unsealed',
  group: 'security',
  title: 'Secrets of yours that are not sealed',
  how: 'Every value of yours in the columns that must be sealed is looked at; of content the newest 200 in each',
  freshDays: 1,
} as const
const OWN_DELETIONS = {
  id: 'own_deletions',
  group: 'deletion',
  title: 'Deletions under way',
  how: 'Of the organization, its contacts and its people, and the nearest deadline',
  freshDays: 1,
} as const

async function readSecrets(on: Resources, org: string): Promise<Reading> {
  const { columns, found } = await countUnsealed(on, org)
  const state = found === 0 ? 'ok' : 'bad'
  return { state, value: String(found), detail: `Looked at ${columns} columns.` }
}

async function readDeletions(on: Resources, org: string): Promise<Reading> {
  const [open] = await on.db.withSystem((tx) =>
    rows<{ n: number; next: Date | null }>(
      tx,
      `select count(*)::int as n, min(deadline_at) as next from deletions
        where org_id = ? and state not in ('purged', 'cancelled')`,
      [org],
    ),
  )
  if (!open?.next) return { state: 'ok', value: '0' }
  const left = open.next.getTime() - on.now().getTime()
  const isNear = left <= LIMITS.DEADLINE_ALARM_DAYS.is * DAY_MS
  return { state: isNear ? 'bad' : 'ok', value: String(open.n), detail: leftOf(left) }
}

const leftOf = (ms: number): string =>
  ms < 0 ? `The first is ${span(-ms)} late.` : `${span(ms)} left of the nearest.`

const readRequests: Look = async (tx, org, now) => {
  const open = await openRequests(tx, org)
  const due = open.map((request) => dueAt(request, now).getTime() - now.getTime())
  if (due.length === 0) return { state: 'ok', value: '0' }
  const next = Math.min(...due)
  return { state: next < 0 ? 'bad' : 'ok', value: String(open.length), detail: leftOf(next) }
}

const readMessages: Look = async (tx, org, now) => {
  const { messages: days } = await readOwnRules(tx, org)
  const [oldest] = await rows<{ at: Date | null }>(
    tx,
    'select min(created_at) as at from messages where org_id = ?',
    [org],
  )
  if (!oldest?.at) return { state: 'ok', value: 'none' }
  const age = now.getTime() - oldest.at.getTime()
  if (days === undefined)
    return { state: 'ok', value: span(age), detail: 'Kept as long as the account is active.' }
  // The sweep of the night removes what came of age during the day.
  const isKept = age <= (days + 1) * DAY_MS
  return { state: isKept ? 'ok' : 'bad', value: span(age), detail: `You chose ${days} days.` }
}

const readExports: Look = async (tx, org, now) => {
  const [found] = await rows<{ n: number }>(
    tx,
    `select count(*)::int as n from exports where org_id = ? and state = 'ready' and expires_at > ?`,
    [org, now],
  )
  return { state: 'ok', value: String(found?.n ?? 0) }
}

const readAudit: Look = async (tx, org) => {
  const verdict = await verifyAudit(tx, org)
  return verdict.valid
    ? { state: 'ok', value: 'yes', detail: `${verdict.last - verdict.first + 1} entries.` }
    : { state: 'bad', value: 'no', detail: `It breaks at entry ${verdict.first_bad}.` }
}

export type Sent = { host: string; purpose: string; requests: number; last: Date }

/** Where something of the organization went in the last thirty days, and what for. */
export const listSent = (on: Resources, org: string): Promise<Sent[]> =>
  on.db.withTenant(org, (tx) =>
    rows<Sent>(
      tx,
      `select host, purpose, count(*)::int as requests, max(at) as last from egress_log
        where org_id = ? group by 1, 2 order by 3 desc, 1, 2 limit 50`,
      [org],
    ),
  )
