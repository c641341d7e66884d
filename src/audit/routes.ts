import { Router } from 'express'
import { z } from 'zod'
import { access, whoOf } from '../http/access.ts'
import { showPage } from '../http/page.ts'
import { viewerOf } from '../http/viewer.ts'
import { timesFor } from '../inbox/page.ts'
import type { Resources } from '../resources.ts'
import { ACTIONS, isAction } from './actions.ts'
import { listAudit, sayingOf } from './log.ts'

const HOME = '/settings/security/audit'
const SHOWN = 50

/** What is not understood is as if it were not there. */
const Query = z.object({
  action: z.string().refine(isAction).optional().catch(undefined),
  before: z.coerce
    .number()
    .int()
    .positive()
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .catch(undefined),
})

/** /settings/security/audit: who did what in the organization, for admins and owners. */
export function auditRoutes(on: Resources): Router {
  const router = Router()
  router.get(HOME, access('admin'), async (req, res) => {
    const { org } = whoOf(req)
    const { action, before } = Query.parse(req.query)
    const found = await on.db.withTenant(org, (tx) =>
      listAudit(tx, org, { action, before, limit: SHOWN + 1 }),
    )
    const entries = found.slice(0, SHOWN)
    const last = entries.at(-1)
    const addressOf = (query: Record<string, string>): string =>
      `${HOME}?${new URLSearchParams({ ...(action ? { action } : {}), ...query }).toString()}`
    showPage(res, 'audit/index', {
      entries,
      sayingOf,
      actions: Object.entries(ACTIONS).map(([name, { says }]) => ({ name, says })),
      chosen: action ?? '',
      older: found.length > SHOWN && last ? addressOf({ before: String(last.seq) }) : '',
      latest: before === undefined ? '' : addressOf({}),
      times: timesFor(viewerOf(on, req)),
    })
  })
  return router
}
