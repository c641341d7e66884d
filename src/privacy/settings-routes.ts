import { Router, type Request, type Response } from 'express'
import { z } from 'zod'
import { rankOf } from '../accounts/roles.ts'
import { readChoices } from '../choices/choices.ts'
import { access, whoOf } from '../http/access.ts'
import { EMPTY, inForm, type Shown } from '../http/form-page.ts'
import { readForm } from '../http/forms.ts'
import { showPage } from '../http/page.ts'
import { asksForPrivacy } from '../http/usage.ts'
import { viewerOf } from '../http/viewer.ts'
import { timesFor } from '../inbox/page.ts'
import type { Resources } from '../resources.ts'
import { OWN_WISHES } from '../rights/own.ts'
import { readOverview } from '../rights/overview.ts'
import { SAYS } from '../rights/vocabulary.ts'
import { readHeld } from './held.ts'
import { OWN_LIMITS } from './limits.ts'
import { countOldMessages } from './message-retention.ts'
import { changeOwnRules, checkOwnRules, isLower, readOwnRules, type OwnRules } from './own-rules.ts'
import { nextDue } from './sweep-runs.ts'

const HOME = '/settings/privacy'

const days = z
  .string()
  .trim()
  .regex(/^\d{0,5}$/, 'Enter a number of days, or leave it empty.')
  .transform((text) => (text === '' ? undefined : Number(text)))
const RulesForm = z.object({ messages: days, media: days, sure: z.string().default('') })

/**
 * /settings/privacy: one's own rights for everybody; for admins also what customers ask, and how long messages stay.
 */
export function privacySettingsRoutes(on: Resources): Router {
  const router = Router()
  const show = async (req: Request, res: Response, shown: Shown): Promise<void> => {
    const { org, user, role } = whoOf(req)
    const isAdmin = rankOf(role) >= rankOf('admin')
    showPage(res, 'privacy/settings', {
      ...shown,
      ...(await readOverview(on, { org, user, isAdmin })),
      choices: await on.db.withTenant(org, (tx) => readChoices(tx, org, user)),
      signal: asksForPrivacy(req),
      rules: isAdmin ? await on.db.withTenant(org, (tx) => readOwnRules(tx, org)) : undefined,
      limits: OWN_LIMITS,
      saved: req.query['saved'] === '1',
      asked: req.query['asked'] === '1',
      says: SAYS,
      wishes: OWN_WISHES,
      times: timesFor(viewerOf(on, req)),
    })
  }
  router.get(HOME, access('user'), (req, res) => show(req, res, EMPTY))
  router.post(
    `${HOME}/retention`,
    access('admin'),
    inForm(show, (req, res) => change(on, req, res)),
  )
  return router
}

/**
 * What makes anything stay shorter is asked twice: the first time the page says how many messages the next sweep would
 * remove, and only with its box ticked is the rule kept.
 */
async function change(on: Resources, req: Request, res: Response): Promise<void> {
  const who = whoOf(req)
  const { sure, ...wanted } = readForm(RulesForm, req)
  checkOwnRules(wanted)
  const preview = sure === '1' ? undefined : await previewOf(on, who.org, wanted)
  if (preview) return showPage(res, 'privacy/retention-sure', { wanted, preview })
  await changeOwnRules(on, who, wanted)
  res.redirect(303, `${HOME}?saved=1`)
}

/** How many messages go tonight, or undefined when nothing would stay shorter than now. */
async function previewOf(
  on: Resources,
  org: string,
  wanted: OwnRules,
): Promise<{ messages: number } | undefined> {
  const tonight = nextDue(on.now())
  const held = await readHeld(on, org)
  return on.db.withTenant(org, async (tx) => {
    if (!isLower(wanted, await readOwnRules(tx, org))) return undefined
    return { messages: await countOldMessages(tx, { org, now: tonight, held }, wanted) }
  })
}
