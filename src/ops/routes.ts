import { Router, type Request, type Response } from 'express'
import { access, whoOf } from '../http/access.ts'
import { showPage, wantsFragment } from '../http/page.ts'
import { viewerOf } from '../http/viewer.ts'
import { timesFor } from '../inbox/page.ts'
import { askForSweep } from '../privacy/sweep-runs.ts'
import type { Resources } from '../resources.ts'
import { readTotals } from '../usage/days.ts'
import { boardRoutes } from './board-routes.ts'
import { letterRoutes } from './letter-routes.ts'
import { listKept, type Kept } from './mail.ts'
import { overviewOf } from './overview.ts'
import { FRESH_MS, readInstance } from './reading.ts'
import { troublesIn } from './troubles.ts'

/** /ops: how the installation is, webhooks that could not be stored, mail that was not sent. For operators. */
export function opsRoutes(on: Resources): Router {
  const router = Router()
  router.get('/ops', access('ops'), (req, res) => showOverview(on, req, res))
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
  router.use(letterRoutes(on))
  router.use(boardRoutes(on))
  return router
}

/** Whoever loads the page gets what is true now; a page that stays open shares what was read for all of them. */
async function showOverview(on: Resources, req: Request, res: Response): Promise<void> {
  const isPoll = wantsFragment(req)
  const reading = await readInstance(on, isPoll ? FRESH_MS : 0)
  const troubles = troublesIn(reading, on.config)
  const shown = { times: timesFor(viewerOf(on, req)), org: whoOf(req).org }
  const overview = overviewOf(reading, troubles, shown)
  if (isPoll) return res.vary('HX-Request-Type').render('ops/_live', { overview })
  const usage = await on.db.withSystem((tx) => readTotals(tx, on.now()))
  showPage(res, 'ops/index', { overview, usage })
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
