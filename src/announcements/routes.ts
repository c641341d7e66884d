import { Router } from 'express'
import { z } from 'zod'
import { ownPath } from '../accounts/next-path.ts'
import { access, whoOf } from '../http/access.ts'
import { readForm } from '../http/forms.ts'
import { showPage } from '../http/page.ts'
import { idIn, viewerOf } from '../http/viewer.ts'
import { timesFor } from '../inbox/page.ts'
import { setWanted } from '../ops/refusals.ts'
import type { Resources } from '../resources.ts'
import { WORDS } from './announcements.ts'
import { dismiss, listUpdates } from './banner.ts'
import { announcementDeskRoutes } from './desk-routes.ts'
import { wayOutRoutes } from './way-out-routes.ts'

const BackForm = z.object({ back: z.string().max(2_000).default('/updates') })
const box = z.literal('1').optional()
const MailsForm = z.object({ features: box, tips: box, surveys: box })

/** What is told to everybody: /updates for readers, /ops/announcements for whoever writes, and the ways out of it. */
export function announcementRoutes(on: Resources): Router {
  const router = Router()
  router.use(announcementDeskRoutes(on))
  router.use(wayOutRoutes(on))
  router.get('/updates', access('user'), async (req, res) => {
    const updates = await listUpdates(on, whoOf(req).user)
    const times = timesFor(viewerOf(on, req))
    showPage(res, 'announcements/updates', { updates, words: WORDS, times })
  })
  router.post('/updates/:id/dismissal', access('user'), async (req, res) => {
    const { id } = req.params as { id: string }
    const { back } = readForm(BackForm, req)
    await dismiss(on, whoOf(req).user, idIn(id, 'announcement'))
    res.redirect(303, ownPath(back))
  })
  router.post('/settings/profile/mails', access('user'), async (req, res) => {
    const { features, tips, surveys } = readForm(MailsForm, req)
    await setWanted(on, whoOf(req).user, {
      features: features === '1',
      tips: tips === '1',
      surveys: surveys === '1',
    })
    res.redirect(303, '/settings/profile?mails=saved#mails')
  })
  return router
}
