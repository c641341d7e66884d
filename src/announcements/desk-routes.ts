import { Router, type Request, type Response } from 'express'
import { z } from 'zod'
import { access } from '../http/access.ts'
import { EMPTY, inForm, type Shown } from '../http/form-page.ts'
import { readForm } from '../http/forms.ts'
import { showPage } from '../http/page.ts'
import { idIn, viewerOf } from '../http/viewer.ts'
import { timesFor } from '../inbox/page.ts'
import type { Resources } from '../resources.ts'
import {
  endAnnouncement,
  isOptional,
  listPublished,
  publish,
  WORDS,
  WRITABLE,
} from './announcements.ts'

const HOME = '/ops/announcements'

const filled = (most: number, missing: string) =>
  z.string(missing).trim().min(1, missing).max(most, `At most ${most} characters.`)
const NewForm = z.object({
  kind: z.enum(WRITABLE, 'Choose what it is about.'),
  title: filled(120, 'Enter a title.'),
  body: filled(4_000, 'Enter the text.'),
  days: z.coerce
    .number('Enter a number of days.')
    .int()
    .min(1, 'At least one day.')
    .max(60, 'At most 60 days.'),
  sure: z.literal('1', 'Tick the box: a letter cannot be called back.'),
})

/** /ops/announcements: written by operators, shown and mailed to everybody. */
export function announcementDeskRoutes(on: Resources): Router {
  const router = Router()
  const show = async (req: Request, res: Response, shown: Shown): Promise<void> =>
    showPage(res, 'announcements/desk', {
      ...shown,
      published: await listPublished(on),
      kinds: WRITABLE,
      words: WORDS,
      isOptional,
      times: timesFor(viewerOf(on, req)),
    })
  router.get(HOME, access('ops'), (req, res) => show(req, res, EMPTY))
  router.post(
    HOME,
    access('ops', { sudo: true }),
    inForm(show, async (req, res) => {
      const { kind, title, body, days } = readForm(NewForm, req)
      await publish(on, { kind, title, body, days })
      res.redirect(303, HOME)
    }),
  )
  router.post(`${HOME}/:id/end`, access('ops'), async (req, res) => {
    const { id } = req.params as { id: string }
    await endAnnouncement(on, idIn(id, 'announcement'))
    res.redirect(303, HOME)
  })
  return router
}
