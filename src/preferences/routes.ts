import { Router, type Request, type Response } from 'express'
import { z } from 'zod'
import { readChoices } from '../choices/choices.ts'
import { access, whoOf } from '../http/access.ts'
import { EMPTY, inForm, type Shown } from '../http/form-page.ts'
import { readForm } from '../http/forms.ts'
import { showPage, wantsFragment } from '../http/page.ts'
import { viewerOf } from '../http/viewer.ts'
import { timesFor } from '../inbox/page.ts'
import type { Resources } from '../resources.ts'
import { importPreferences, resetPreferences, setPreferences } from './preferences.ts'
import { listRecent } from './recent.ts'

const HOME = '/settings/preferences'
const Wanted = z.record(z.string().max(40), z.string().max(200))
const Lines = z.object({ lines: z.string().trim().min(1, 'Paste the lines.').max(20_000) })
const Theme = z.object({
  theme: z.enum(['', 'light', 'dark']),
  back: z
    .string()
    .regex(/^\/(?![/\\])[\w./-]*$/)
    .catch('/inbox'),
})
const YEAR_MS = 31_536_000_000

/** /settings/preferences: what somebody chose, what was made from their use, and the way back to neither. */
export function preferenceRoutes(on: Resources): Router {
  const router = Router()
  const show = async (req: Request, res: Response, shown: Shown): Promise<void> => {
    const { org, user, preferences } = whoOf(req)
    const model = await on.db.withTenant(org, async (tx) => ({
      recent: await listRecent(tx, org, user),
      choices: await readChoices(tx, org, user),
    }))
    const { zone } = viewerOf(on, req)
    const times = timesFor(viewerOf(on, req))
    const saved = savedIn(req.query['saved'])
    showPage(res, 'preferences/index', { ...shown, ...model, preferences, zone, times, saved })
  }
  router.get(HOME, access('user'), (req, res) => show(req, res, EMPTY))
  router.post(
    HOME,
    access('user'),
    inForm(show, async (req, res) => {
      await setPreferences(on, whoOf(req), readForm(Wanted, req))
      res.redirect(303, `${HOME}?saved=chosen`)
    }),
  )
  router.post(`${HOME}/reset`, access('user'), async (req, res) => {
    await resetPreferences(on, whoOf(req))
    res.redirect(303, `${HOME}?saved=reset`)
  })
  router.post(
    `${HOME}/import`,
    access('user'),
    inForm(show, async (req, res) => {
      await importPreferences(on, whoOf(req), readForm(Lines, req).lines)
      res.redirect(303, `${HOME}?saved=taken`)
    }),
  )
  router.post('/theme', access('public'), (req, res) => chooseTheme(on, req, res))
  return router
}

const SAVED: Record<string, string> = {
  chosen: 'Your choice is kept and counts from now on.',
  reset: 'Everything is as the product has it.',
  taken: 'The preferences of that file are yours again.',
}

const savedIn = (word: unknown): string => (typeof word === 'string' && SAVED[word]) || ''

/** A person's choice goes where the person goes; a browser in which nobody is signed in keeps its own. */
async function chooseTheme(on: Resources, req: Request, res: Response): Promise<void> {
  const { theme, back } = readForm(Theme, req)
  if (req.who) await setPreferences(on, req.who, { theme })
  else res.cookie('theme', theme, { path: '/', sameSite: 'lax', maxAge: theme ? YEAR_MS : 0 })
  if (wantsFragment(req)) res.status(204).end()
  else res.redirect(303, back)
}
