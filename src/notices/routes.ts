import { Router, type Request } from 'express'
import { getConnection, type Connection } from '../connections/connections.ts'
import { access, whoOf } from '../http/access.ts'
import { showPage } from '../http/page.ts'
import { markOf } from '../http/viewer.ts'
import { isId } from '../ids.ts'
import { markText } from '../inbox/page.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { listNotices, listTemplateStates, type Reported, type TemplateState } from './notices.ts'
import { showReport } from './shown.ts'
import { showTemplate } from './template-row.ts'

const PAGE = 50

/** What Meta reported of a number, and where the templates of its account stand. */
export function noticeRoutes(on: Resources): Router {
  const router = Router()
  router.get('/settings/connections/:id/reports', access('admin'), async (req, res) => {
    const { connection, notices, templates } = await read(on, req)
    const page = notices.slice(0, PAGE)
    const last = page.at(-1)
    const now = on.now()
    showPage(res, 'notices/index', {
      name: connection.name || connection.display_phone || connection.phone_number_id,
      reports: page.map((report) => showReport(report, now)),
      templates: templates.map((template) => showTemplate(template)),
      older:
        last && notices.length > PAGE
          ? `/settings/connections/${connection.id}/reports?before=${markText(last)}`
          : '',
    })
  })
  return router
}

type Found = { connection: Connection; notices: Reported[]; templates: TemplateState[] }

/** Another organization's connection and one that never was are the same 404. */
async function read(on: Resources, req: Request): Promise<Found> {
  const { org } = whoOf(req)
  const { id } = req.params
  const { before: from } = req.query
  const before = typeof from === 'string' ? markOf(from) : undefined
  const found = await on.db.withTenant(org, async (tx) => {
    const connection = isId(id) ? await getConnection(tx, org, id) : undefined
    if (!connection) return undefined
    return {
      connection,
      notices: await listNotices(tx, org, connection, { before, limit: PAGE + 1 }),
      templates: before ? [] : await listTemplateStates(tx, org, connection.waba_id),
    }
  })
  if (!found) throw notFound('connection')
  return found
}
