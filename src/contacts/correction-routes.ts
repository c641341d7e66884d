import { Router } from 'express'
import { z } from 'zod'
import { byPerson } from '../audit/audit.ts'
import { access, whoOf } from '../http/access.ts'
import { readForm } from '../http/forms.ts'
import { idIn } from '../http/viewer.ts'
import type { Resources } from '../resources.ts'
import { correctContact, denyCorrection } from './corrections.ts'

const Correction = z.object({
  field: z.enum(['name', 'email']),
  value: z.string().trim().min(1, 'Enter what is right.').max(320, 'At most 320 characters.'),
})
const Denial = z.object({
  field: z.enum(['name', 'phone', 'email', 'attributes']),
  statement: z
    .string()
    .trim()
    .min(1, 'Write what they say.')
    .max(2_000, 'At most 2,000 characters.'),
})

/** What a contact wants put right: done, or kept as their statement beside the value. */
export function correctionRoutes(on: Resources): Router {
  const router = Router()
  router.post<{ id: string }>('/contacts/:id/corrections', access('admin'), async (req, res) => {
    const { field, value } = readForm(Correction, req)
    const contact = idIn(req.params.id, 'contact')
    const change = field === 'name' ? { name: value } : { email: z.email().parse(value) }
    await correctContact(on, whoOf(req).org, { contact, change, by: byPerson(whoOf(req)) })
    res.redirect(303, `/contacts/${contact}#corrections`)
  })
  router.post<{ id: string }>('/contacts/:id/denials', access('admin'), async (req, res) => {
    const wish = readForm(Denial, req)
    const contact = idIn(req.params.id, 'contact')
    await denyCorrection(on, whoOf(req).org, { ...wish, contact, by: byPerson(whoOf(req)) })
    res.redirect(303, `/contacts/${contact}#corrections`)
  })
  return router
}
