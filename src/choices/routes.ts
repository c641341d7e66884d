import { Router } from 'express'
import { z } from 'zod'
import { access, whoOf } from '../http/access.ts'
import { readForm } from '../http/forms.ts'
import type { Resources } from '../resources.ts'
import { chooseForAll, choosePersonalisation, SUBJECTS } from './choices.ts'

const HOME = '/settings/privacy'
const answer = z.enum(['yes', 'no'])
const Own = z.object({ answer })
const ForAll = z.object({ subject: z.enum(SUBJECTS), answer })

/** What people say no to for themselves, and admins for everybody; usage data have their own page. */
export function choiceRoutes(on: Resources): Router {
  const router = Router()
  router.post(`${HOME}/personalisation`, access('user'), async (req, res) => {
    const isOn = readForm(Own, req).answer === 'yes'
    await choosePersonalisation(on, whoOf(req), { isOn })
    res.redirect(303, `${HOME}#choices`)
  })
  router.post(`${HOME}/choices`, access('admin'), async (req, res) => {
    const { subject, answer: said } = readForm(ForAll, req)
    await chooseForAll(on, whoOf(req), { subject, isOn: said === 'yes' })
    res.redirect(303, `${HOME}#choices`)
  })
  return router
}
