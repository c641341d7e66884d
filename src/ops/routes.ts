import { Router, type Request } from 'express'
import { byPerson, type AuditActor } from '../audit/audit.ts'
import { listOpenDeletions, type OpenDeletion } from '../deletions/deletion.ts'
import { access, whoOf } from '../http/access.ts'
import { showPage } from '../http/page.ts'
import { viewerOf } from '../http/viewer.ts'
import { isId } from '../ids.ts'
import { timesFor } from '../inbox/page.ts'
import { DAY_MS, LIMITS } from '../privacy/limits.ts'
import { askForSweep, readSchedule } from '../privacy/sweep-runs.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { discardDeadLetter, listDeadLetters, showDeadLetter } from './dead-letters.ts'
import { listKept, type Kept } from './mail.ts'
import { readTotals } from '../usage/days.ts'
import { readOverview } from './overview.ts'
import { replayDeadLetter } from './replay.ts'

const LETTERS = '/ops/dead-letters'
const SHOWN = 100

/** /ops: how the installation is, webhooks that could not be stored, mail that was not sent. For operators. */
export function opsRoutes(on: Resources): Router {
  const router = Router()
  router.get('/ops', access('ops'), async (req, res) => {
    const times = timesFor(viewerOf(on, req))
    const [overview, schedule] = [await readOverview(on), await readSchedule(on)]
    const deletions = (await listOpenDeletions(on)).map((each) => deletionLine(on, each))
    const usage = await on.db.withSystem((tx) => readTotals(tx, on.now()))
    showPage(res, 'ops/index', { overview, schedule, deletions, usage, times })
  })
  router.post('/ops/sweeps', access('ops'), async (_req, res) => {
    await askForSweep(on)
    res.redirect(303, '/ops#sweeps')
  })
  router.get('/ops/mail', access('ops'), async (req, res) => {
    showPage(res, 'ops/mail', {
      letters: await listKept(on),
      paragraphsOf: (letter: Kept) => paragraphsOf(on, letter),
      sends: on.config.SMTP_URL !== undefined,
      times: timesFor(viewerOf(on, req)),
    })
  })
  deadLetterRoutes(router, on)
  return router
}

function deadLetterRoutes(router: Router, on: Resources): void {
  router.get(LETTERS, access('ops'), async (req, res) => {
    const letters = await listDeadLetters(on, { limit: SHOWN })
    showPage(res, 'ops/dead-letters', { letters, times: timesFor(viewerOf(on, req)) })
  })
  router.get(`${LETTERS}/:id`, access('ops'), async (req, res) => {
    const letter = await showDeadLetter(on, idOf(req))
    showPage(res, 'ops/dead-letter', { letter, times: timesFor(viewerOf(on, req)) })
  })
  router.post(`${LETTERS}/:id/replay`, access('ops'), async (req, res) => {
    await replayDeadLetter(on, idOf(req), operatorOf(req))
    res.redirect(303, LETTERS)
  })
  router.post(`${LETTERS}/:id/removal`, access('ops'), async (req, res) => {
    await discardDeadLetter(on, idOf(req), operatorOf(req))
    res.redirect(303, LETTERS)
  })
}

/** How far a deletion is and how long it may still take; near its deadline somebody has to look. */
function deletionLine(on: Resources, deletion: OpenDeletion) {
  const left = deletion.deadline_at.getTime() - on.now().getTime()
  return {
    ...deletion,
    done: Object.values(deletion.steps).filter(({ done }) => done).length,
    days: Math.floor(left / DAY_MS),
    isNear: left <= LIMITS.DEADLINE_ALARM_DAYS.is * DAY_MS,
  }
}

/** Whoever operates the installation is no member of the organization a letter belongs to. */
const operatorOf = (req: Request): AuditActor => ({ ...byPerson(whoOf(req)), kind: 'operator' })

function idOf(req: Request): string {
  const { id } = req.params as { id: string }
  if (!isId(id)) throw notFound('dead letter')
  return id
}

type Part = { text: string; href?: string; at: number }

/** The paragraphs of a mail, links to this installation apart, so that they can be followed. */
function paragraphsOf(on: Resources, { text }: Kept): Part[][] {
  const { origin } = new URL(on.config.APP_URL)
  let at = 0
  const part = (piece: string): Part => {
    at += 1
    const isOwn = URL.canParse(piece) && new URL(piece).origin === origin
    return { text: piece, at, ...(isOwn ? { href: piece } : {}) }
  }
  return text
    .trim()
    .split('\n\n')
    .map((paragraph) => paragraph.split(/(https?:\/\/\S+)/).map(part))
}
