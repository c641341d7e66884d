import { Router, type Request, type Response } from 'express'
import { byPerson, type AuditActor } from '../audit/audit.ts'
import { access, whoOf } from '../http/access.ts'
import { showPage, wantsFragment } from '../http/page.ts'
import { idIn, viewerOf } from '../http/viewer.ts'
import { timesFor } from '../inbox/page.ts'
import type { Resources } from '../resources.ts'
import { discardDeadLetter, listDeadLetters, showDeadLetter } from './dead-letters.ts'
import {
  countLetters,
  letterOwners,
  NOBODY,
  queryOf,
  readFilter,
  type LetterFilter,
} from './letter-filter.ts'
import { askForRun, listRuns, stopRun, type LetterRun } from './letter-runs.ts'
import { filterForm, letterRows, ownerOf, REASON_WORDS, runRows, whatOf } from './letter-words.ts'
import { replayDeadLetter } from './replay.ts'

const LETTERS = '/ops/dead-letters'
const SHOWN = 50
const RUNS = 5

/** Webhooks that could not be stored: what they are, and what an operator does with one of them or with many. */
export function letterRoutes(on: Resources): Router {
  const router = Router()
  router.get(LETTERS, access('ops'), (req, res) => showLetters(on, req, res))
  runRoutes(router, on)
  router.get(`${LETTERS}/:id`, access('ops'), (req, res) => showLetter(on, req, res))
  router.post(`${LETTERS}/:id/replay`, access('ops'), async (req, res) => {
    await replayDeadLetter(on, idOf(req), operatorOf(req))
    res.redirect(303, LETTERS)
  })
  router.post(`${LETTERS}/:id/removal`, access('ops'), async (req, res) => {
    await discardDeadLetter(on, idOf(req), operatorOf(req))
    res.redirect(303, LETTERS)
  })
  return router
}

/** What is done with all letters that a filter finds: a worker does it, and the page shows how far it is. */
function runRoutes(router: Router, on: Resources): void {
  router.get(`${LETTERS}/runs`, access('ops'), async (req, res) => {
    if (!wantsFragment(req)) return res.redirect(303, LETTERS)
    res.vary('HX-Request-Type').render('ops/_runs', { runs: await readRuns(on, req) })
  })
  router.get(`${LETTERS}/removal`, access('ops'), async (req, res) => {
    const filter = readFilter(req.query)
    const { n, owners } = await on.db.withSystem(async (tx) => ({
      n: await countLetters(tx, filter),
      owners: await letterOwners(tx),
    }))
    const back = LETTERS + queryOf(filter)
    showPage(res, 'ops/letters-sure', { n, filter, what: whatOf(filter, owners), back })
  })
  router.post(`${LETTERS}/replays`, access('ops'), (req, res) => ask(on, req, res, 'replay'))
  router.post(`${LETTERS}/removals`, access('ops', { sudo: true }), (req, res) =>
    ask(on, req, res, 'discard'),
  )
  router.post(`${LETTERS}/runs/:id/stop`, access('ops'), async (req, res) => {
    await stopRun(on, idIn(String(req.params['id']), 'run'))
    res.redirect(303, LETTERS)
  })
}

async function ask(
  on: Resources,
  req: Request,
  res: Response,
  act: LetterRun['act'],
): Promise<void> {
  const filter = readFilter(req.body)
  await askForRun(on, { act, filter, by: whoOf(req).user })
  res.redirect(303, LETTERS)
}

async function showLetters(on: Resources, req: Request, res: Response): Promise<void> {
  const filter = readFilter(req.query)
  const times = timesFor(viewerOf(on, req))
  const before = markIn(req.query['before'])
  const { n, owners } = await on.db.withSystem(async (tx) => ({
    n: await countLetters(tx, filter),
    owners: await letterOwners(tx),
  }))
  const found = await listDeadLetters(on, { filter, before, limit: SHOWN + 1 })
  const letters = found.slice(0, SHOWN)
  const last = letters.at(-1)
  showPage(res, 'ops/dead-letters', {
    n,
    filter,
    form: filterForm(filter, owners),
    letters: letterRows(letters, owners, times),
    runs: await readRuns(on, req),
    isFiltered: queryOf(filter) !== '',
    removal: `${LETTERS}/removal${queryOf(filter)}`,
    older: found.length > SHOWN && last ? olderThan(filter, last) : '',
    latest: before ? LETTERS + queryOf(filter) : '',
  })
}

function olderThan(filter: LetterFilter, { mark, id }: { mark: number; id: string }): string {
  const query = queryOf(filter)
  return `${LETTERS}${query}${query ? '&' : '?'}before=${mark}_${id}`
}

function markIn(text: unknown): { mark: number; id: string } | undefined {
  const [, mark, id] = /^(\d{1,17})_([0-9a-f-]{36})$/.exec(String(text)) ?? []
  return mark && id ? { mark: Number(mark), id } : undefined
}

async function showLetter(on: Resources, req: Request, res: Response): Promise<void> {
  const letter = await showDeadLetter(on, idOf(req))
  const times = timesFor(viewerOf(on, req))
  const alike: LetterFilter = {
    reason: letter.reason,
    ...(letter.code ? { code: letter.code } : {}),
    org: letter.org_id ?? NOBODY,
  }
  const { n, owners } = await on.db.withSystem(async (tx) => ({
    n: await countLetters(tx, alike),
    owners: await letterOwners(tx),
  }))
  showPage(res, 'ops/dead-letter', {
    letter,
    reason: REASON_WORDS[letter.reason],
    owner: ownerOf(letter.org_id, owners),
    alike: { n, filter: alike, removal: `${LETTERS}/removal${queryOf(alike)}` },
    times,
  })
}

async function readRuns(on: Resources, req: Request) {
  const { runs, owners } = await on.db.withSystem(async (tx) => ({
    runs: await listRuns(tx, RUNS),
    owners: await letterOwners(tx),
  }))
  return runRows(runs, owners, timesFor(viewerOf(on, req)))
}

/** Whoever operates the installation is no member of the organization a letter belongs to. */
const operatorOf = (req: Request): AuditActor => ({ ...byPerson(whoOf(req)), kind: 'operator' })

const idOf = (req: Request): string => idIn(String(req.params['id']), 'dead letter')
