import { ago } from '../connections/ago.ts'
import { explainCheck } from '../connections/verdict.ts'
import type { Sync } from './syncs.ts'

/** How the reading of an account's templates stands, in words. */
export type SyncLine = {
  waba: string
  name: string
  /** Somebody reads, or it waits for its turn. */
  isBusy: boolean
  text: string
  /** What went wrong last time, what Meta said of it, and what to do. */
  problem: { title: string; said: string; mend: string; isOurs: boolean } | undefined
}

/** Not looked at for so long, a page that is opened asks for a look. */
const STALE_MS = 15 * 60_000

const ACCOUNT = {
  title: 'Meta knows no such business account for this token.',
  mend: 'Compare the business account id with WhatsApp Manager, and give the token’s system user this account.',
}

export function syncLine(sync: Sync, now: Date): SyncLine {
  return {
    waba: sync.waba_id,
    name: sync.name,
    isBusy: isBusy(sync),
    text: textOf(sync, now),
    problem: problemOf(sync),
  }
}

const isBusy = ({ asked_at, isRunning }: Sync): boolean => isRunning || asked_at !== null

function textOf(sync: Sync, now: Date): string {
  if (sync.isRunning) return `Reading from Meta… ${count(sync.found)} so far`
  const seen = sync.ok_at ? `read ${ago(sync.ok_at, now)}` : ''
  if (sync.asked_at !== null)
    return ['Waits to be read from Meta', seen].filter(Boolean).join(' · ')
  if (sync.ok_at === null) return 'Not read from Meta yet'
  return sync.outcome === 'ok' ? `${count(sync.found)} · ${seen}` : `What is shown was ${seen}`
}

const count = (n: number): string => `${n} ${n === 1 ? 'template' : 'templates'}`

function problemOf({ outcome, code, said }: Sync): SyncLine['problem'] {
  if (outcome === null || outcome === 'ok') return undefined
  const found = explainCheck({ at: '', expires_at: null, outcome, code, said })
  const words = /^(100|33)(\/|$)/.test(code ?? '') ? { ...found, ...ACCOUNT } : found
  return {
    title: `The templates could not be read. ${words.title}`,
    said: words.said,
    mend: words.mend,
    isOurs: found.by !== 'wait',
  }
}

/** Whether a page that shows the list should ask for a new one: not while one is on its way, nor right after a failure. */
export const isStale = (sync: Sync, now: Date): boolean =>
  !isBusy(sync) && now.getTime() - (sync.ended_at?.getTime() ?? 0) > STALE_MS
