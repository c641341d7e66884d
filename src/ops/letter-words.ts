import type { Times } from '../inbox/times.ts'
import type { DeadLetter } from './dead-letters.ts'
import {
  NOBODY,
  REASONS,
  type LetterFilter,
  type LetterOwner,
  type Reason,
} from './letter-filter.ts'
import type { LetterRun } from './letter-runs.ts'

/** Why a webhook could not be stored, for people. */
export const REASON_WORDS: Record<Reason, string> = {
  unknown_number: 'A number nobody has connected',
  parse: 'Not a body that can be read',
  data: 'A fault in its data',
  crash: 'A worker fell over it',
  refused: 'Refused by a rule',
  other: 'Another reason',
}

/** Letters as the list shows them. */
export const letterRows = (letters: DeadLetter[], owners: LetterOwner[], times: Times) =>
  letters.map((letter) => ({
    id: letter.id,
    reason: REASON_WORDS[letter.reason],
    code: letter.code ?? '',
    owner: ownerOf(letter.org_id, owners),
    came: letter.attempts === 1 ? 'once' : `${letter.attempts} times`,
    seen: times.full(letter.last_seen_at),
    isoSeen: letter.last_seen_at.toISOString(),
  }))

export const ownerOf = (org: string | null, owners: LetterOwner[]): string =>
  org === null ? 'nobody’s' : (owners.find((owner) => owner.org === org)?.name ?? org)

type Option = { value: string; name: string; isChosen: boolean }

/** What the form above the list offers, with what is chosen. */
export const filterForm = (filter: LetterFilter, owners: LetterOwner[]) => ({
  reasons: REASONS.map((value): Option => ({
    value,
    name: REASON_WORDS[value],
    isChosen: value === filter.reason,
  })),
  owners: owners.map(({ org, name, n }): Option => {
    const value = org ?? NOBODY
    return { value, name: `${name ?? 'Nobody’s'} (${n})`, isChosen: value === filter.org }
  }),
  code: filter.code ?? '',
  from: filter.from ?? '',
  to: filter.to ?? '',
})

/** A run as the list shows it, with what it still does. */
export const runRows = (runs: LetterRun[], owners: LetterOwner[], times: Times) =>
  runs.map((run) => ({
    id: run.id,
    act: run.act === 'replay' ? 'Replay' : 'Discard',
    what: whatOf(run.filter, owners),
    by: run.asked_by_name ?? 'somebody whose account is gone',
    asked: times.full(run.asked_at),
    total: run.total,
    handled: run.done + run.failed,
    state: stateOf(run),
    isOpen: run.finished_at === null,
  }))

/** The letters a filter means, in words. */
export function whatOf(filter: LetterFilter, owners: LetterOwner[]): string {
  const { reason, code, org, from, to } = filter
  const parts = [
    reason && `reason: ${REASON_WORDS[reason].toLowerCase()}`,
    code && `code ${code}`,
    org && (org === NOBODY ? 'nobody’s' : `of ${ownerOf(org, owners)}`),
    from && `from ${from}`,
    to && `to ${to}`,
  ].filter(Boolean)
  return parts.length > 0 ? parts.join(', ') : 'all letters'
}

function stateOf({ act, done, failed, total, finished_at, stopped_at }: LetterRun): string {
  const did = act === 'replay' ? 'sent through again' : 'discarded'
  const left = failed > 0 ? `, ${failed} left where they are` : ''
  if (finished_at === null) return `${done + failed} of ${total}`
  const end = stopped_at ? 'stopped: ' : ''
  return `${end}${done} of ${total} ${did}${left}`
}
