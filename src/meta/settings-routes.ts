import { Router, type Request, type Response } from 'express'
import { byPerson } from '../audit/audit.ts'
import { getConnection } from '../connections/connections.ts'
import { access, whoOf } from '../http/access.ts'
import { EMPTY, inForm, type Shown } from '../http/form-page.ts'
import { showPage } from '../http/page.ts'
import { idIn } from '../http/viewer.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { endConnection } from './disconnect.ts'

const PAGE = '/settings/connections/:id/disconnect'

/** Disconnecting a number from its card: what that means first, then with the password entered lately. */
export function disconnectRoutes(on: Resources): Router {
  const router = Router()
  const show = async (req: Request, res: Response, shown: Shown): Promise<void> => {
    const { org } = whoOf(req)
    const id = idIn(req.params['id'] as string, 'connection')
    const connection = await on.db.withTenant(org, (tx) => getConnection(tx, org, id))
    if (!connection) throw notFound('connection')
    const name = connection.name || connection.display_phone || connection.phone_number_id
    showPage(res, 'connections/disconnect', { ...shown, id, name })
  }
  router.get(PAGE, access('admin'), (req, res) => show(req, res, EMPTY))
  router.post(
    PAGE,
    access('admin', { sudo: true }),
    inForm(show, async (req, res) => {
      const who = whoOf(req)
      const id = idIn(req.params['id'] as string, 'connection')
      await endConnection(on, { org: who.org, id, by: byPerson(who) })
      res.redirect(303, `/settings/connections#connection-${id}`)
    }),
  )
  return router
}
