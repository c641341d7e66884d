import { Router } from 'express'
import { audit, byPerson } from '../audit/audit.ts'
import { getWholeContact } from '../contacts/contacts.ts'
import { access, whoOf } from '../http/access.ts'
import { showPage } from '../http/page.ts'
import { idIn } from '../http/viewer.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { readHeldData } from './held-data.ts'

/** Everything that is kept about oneself; for admins about one contact, which is written down. */
export function heldRoutes(on: Resources): Router {
  const router = Router()
  router.get('/settings/privacy/data', access('user'), async (req, res) => {
    const held = await readHeldData(on, { kind: 'user', id: whoOf(req).user })
    showPage(res, 'privacy/held', { ...held, contact: undefined })
  })
  router.get<{ id: string }>('/contacts/:id/data', access('admin'), async (req, res) => {
    const { org } = whoOf(req)
    const id = idIn(req.params.id, 'contact')
    const found = await on.db.withTenant(org, async (tx) => {
      const contact = await getWholeContact(tx, org, id)
      if (!contact) throw notFound('contact')
      const target = { kind: 'contact', id }
      await audit(tx, org, { actor: byPerson(whoOf(req)), action: 'contact.data_shown', target })
      return contact
    })
    const held = await readHeldData(on, { kind: 'contact', org, id })
    showPage(res, 'privacy/held', { ...held, contact: { id, name: found.name ?? 'this contact' } })
  })
  return router
}
