import { Router, type Request } from 'express'
import { z } from 'zod'
import { byPerson } from '../audit/audit.ts'
import { access, whoOf } from '../http/access.ts'
import { readForm } from '../http/forms.ts'
import { showPage } from '../http/page.ts'
import { idIn, viewerOf } from '../http/viewer.ts'
import { timesFor } from '../inbox/page.ts'
import type { Resources } from '../resources.ts'
import { KINDS } from './gate.ts'
import { liftRestriction } from './lift.ts'
import { listRestricted } from './page.ts'
import { recordNotice, restrictContact } from './restrictions.ts'

const Restriction = z.object({
  kind: z.enum(KINDS),
  ground: z.enum(['accuracy', 'unlawful', 'claim', 'objection', 'wish']).default('objection'),
})
const Notice = z.object({ road: z.enum(['whatsapp', 'email', 'phone', 'letter', 'in_person']) })

type Params = { id: string; restriction: string }

/** What admins write down of a contact's wishes, from the contact's own page. */
export function restrictionRoutes(on: Resources): Router {
  const router = Router()
  router.get('/contacts/restricted', access('admin'), async (req, res) => {
    const times = timesFor(viewerOf(on, req))
    const people = await on.db.withTenant(whoOf(req).org, (tx) =>
      listRestricted(tx, whoOf(req).org, times),
    )
    showPage(res, 'restrictions/index', { people })
  })
  router.post<Params>('/contacts/:id/restrictions', access('admin'), async (req, res) => {
    const wish = readForm(Restriction, req)
    const who = whoOf(req)
    await restrictContact(on, who.org, {
      ...wish,
      contact: idIn(req.params.id, 'contact'),
      road: 'agent',
      by: byPerson(who),
    })
    res.redirect(303, homeOf(req))
  })
  const one = '/contacts/:id/restrictions/:restriction'
  router.post<Params>(`${one}/notice`, access('admin'), async (req, res) => {
    const { road } = readForm(Notice, req)
    const restriction = idIn(req.params.restriction, 'restriction')
    await recordNotice(on, whoOf(req).org, { restriction, road, by: byPerson(whoOf(req)) })
    res.redirect(303, homeOf(req))
  })
  router.post<Params>(`${one}/end`, access('admin'), async (req, res) => {
    const restriction = idIn(req.params.restriction, 'restriction')
    await liftRestriction(on, whoOf(req).org, { restriction, by: byPerson(whoOf(req)) })
    res.redirect(303, homeOf(req))
  })
  return router
}

const homeOf = (req: Request<Params>): string =>
  `/contacts/${idIn(req.params.id, 'contact')}#wishes`
