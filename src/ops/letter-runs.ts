import type { AuditActor } from '../audit/audit.ts'
import { rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { discardDeadLetter } from './dead-letters.ts'
import { countLetters, FILTER, filterValues, LetterFilter } from './letter-filter.ts'
import { replayDeadLetter } from './replay.ts'

/** One act on many letters: those a filter found when it was asked for, and no letter that came later. */
export type LetterRun = {
  id: string
  act: 'replay' | 'discard'
  filter: LetterFilter
  asked_by: string | null
  asked_by_name: string | null
  asked_at: Date
  total: number
  done: number
  failed: number
  last_id: string | null
  stopped_at: Date | null
  finished_at: Date | null
}

const BATCH = 50
/** While so many jobs wait, letters stay where they are: what comes in now goes first. */
const CROWD = 500
const COLUMNS = `r.id, r.act, r.filter, r.asked_by, u.name as asked_by_name, r.asked_at, r.total, r.done, r.failed, r.last_id,
  r.stopped_at, r.finished_at`
const FROM = `from letter_runs r left join users u on u.id = r.asked_by`

/** Ask for it; a worker does it in batches. Throws Refusal 404 when the filter finds no letter. */
export async function askForRun(
  on: Resources,
  wanted: Pick<LetterRun, 'act' | 'filter'> & { by: string },
): Promise<string> {
  const id = newId()
  await on.db.withSystem(async (tx) => {
    const total = await countLetters(tx, wanted.filter)
    if (total === 0) throw notFound('dead letter')
    await rows(
      tx,
      `insert into letter_runs (id, act, filter, asked_by, asked_at, total) values (?, ?, ?::jsonb, ?, now(), ?)`,
      [id, wanted.act, JSON.stringify(wanted.filter), wanted.by, total],
    )
  })
  return id
}

/** What was done already stays done. Throws Refusal 404, 409 when it has ended. */
export async function stopRun(on: Resources, id: string): Promise<void> {
  const stopped = await on.db.withSystem((tx) =>
    rows(
      tx,
      `update letter_runs set stopped_at = now(), finished_at = now() where id = ? and finished_at is null returning id`,
      [id],
    ),
  )
  if (stopped.length === 0) throw new Refusal(409, 'ended', 'This has ended already.')
}

/** Runs under way, and those that ended within a day of being asked for. */
export const listRuns = (tx: Tx, limit: number): Promise<LetterRun[]> =>
  rows<LetterRun>(
    tx,
    `select ${COLUMNS} ${FROM} where r.finished_at is null or r.asked_at > now() - interval '1 day'
      order by r.finished_at is not null, r.asked_at desc limit ?`,
    [limit],
  )

/** Go on with every run that has not ended, until all have, somebody says stop, or the queue is crowded. */
export async function advanceRuns(on: Resources, signal: AbortSignal): Promise<void> {
  const open = await on.db.withSystem((tx) =>
    rows<LetterRun>(
      tx,
      `select ${COLUMNS} ${FROM} where r.finished_at is null order by r.asked_at`,
    ),
  )
  for (const run of open) await advance(on, run, signal)
}

async function advance(on: Resources, run: LetterRun, signal: AbortSignal): Promise<void> {
  let lastId = run.last_id
  while (!signal.aborted) {
    if (run.act === 'replay' && (await isCrowded(on))) return
    const batch = await takeBatch(on, run, lastId)
    if (batch.length === 0) return
    const failed = await actOn(on, run, batch)
    await on.db.withSystem((tx) =>
      rows(tx, `update letter_runs set done = done + ?, failed = failed + ? where id = ?`, [
        batch.length - failed,
        failed,
        run.id,
      ]),
    )
    lastId = batch.at(-1) ?? null
  }
}

const isCrowded = async (on: Resources): Promise<boolean> =>
  (await on.queues.depths()).inbound.waiting > CROWD

/**
 * The next letters, taken by moving the mark: of two processes one gets them. A process that dies leaves what it had
 * taken in the list, where it is seen. Empty when another process is at it, or when there are no more, and then the run
 * has ended.
 */
async function takeBatch(on: Resources, run: LetterRun, lastId: string | null): Promise<string[]> {
  return on.db.withSystem(async (tx) => {
    const found = await rows<{ id: string }>(
      tx,
      `select id from dead_letters where ${FILTER} and last_seen_at <= (select asked_at from letter_runs where id = :run)
          and (:lastId::uuid is null or id > :lastId::uuid) order by id limit :limit`,
      {
        ...filterValues(LetterFilter.parse(run.filter)),
        run: run.id,
        lastId,
        limit: BATCH,
      },
    )
    const last = found.at(-1)?.id
    const moved = await rows(
      tx,
      `update letter_runs set last_id = coalesce(:last::uuid, last_id),
              finished_at = case when :last::uuid is null then now() end
        where id = :id and finished_at is null and last_id is not distinct from :lastId::uuid returning id`,
      { id: run.id, last: last ?? null, lastId },
    )
    return moved.length > 0 ? found.map(({ id }) => id) : []
  })
}

/** Each as if somebody had pressed its button, told in the audit log of its organization; returns how many failed. */
async function actOn(on: Resources, run: LetterRun, letters: string[]): Promise<number> {
  const by: AuditActor = { kind: 'operator', ...(run.asked_by ? { id: run.asked_by } : {}) }
  const act = run.act === 'replay' ? replayDeadLetter : discardDeadLetter
  let failed = 0
  for (const id of letters)
    await act(on, id, by).catch((error: unknown) => {
      // Gone meanwhile, by its age or by another hand: nothing is left to do.
      if (error instanceof Refusal && error.status === 404) return
      on.log.warn({ err: error, letter: id }, 'letter left where it is')
      failed += 1
    })
  return failed
}
