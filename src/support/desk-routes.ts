import { Router, type Request, type Response } from 'express'
import { z } from 'zod'
import { access } from '../http/access.ts'
import { EMPTY, inForm, type Shown } from '../http/form-page.ts'
import { readForm } from '../http/forms.ts'
import { showPage } from '../http/page.ts'
import { idIn, viewerOf } from '../http/viewer.ts'
import { newId } from '../ids.ts'
import { timesFor } from '../inbox/page.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { readAsker } from './asker.ts'
import { MessageForm } from './message-form.ts'
import { readMessage, sendFile } from './message-routes.ts'
import { listDesk, readTicket, setState, writeMessage } from './tickets.ts'

const HOME = '/ops/support'
const StateForm = z.object({ state: z.enum(['open', 'closed']) })

/** /ops/support: tickets, answered by operators. A ticket shows what was written in it and opens no organization. */
export function supportDeskRoutes(on: Resources): Router {
  const router = Router()
  router.get(HOME, access('ops'), async (req, res) => {
    const times = timesFor(viewerOf(on, req))
    showPage(res, 'support/desk', { tickets: await listDesk(on), times })
  })
  const show = async (req: Request, res: Response, shown: Shown): Promise<void> => {
    const id = idOf(req)
    const found = await readTicket(on, id)
    if (!found) throw notFound('ticket')
    const [times, asker] = [timesFor(viewerOf(on, req)), await readAsker(on, found.ticket)]
    const model = { home: `${HOME}/${id}`, side: 'operator', token: newId() }
    showPage(res, 'support/desk-ticket', { ...shown, ...found, ...model, asker, times })
  }
  router.get(`${HOME}/:id`, access('ops'), (req, res) => show(req, res, EMPTY))
  router.post(
    `${HOME}/:id/messages`,
    access('ops'),
    inForm(show, async (req, res) => {
      const message = await readMessage(MessageForm, req, res)
      await writeMessage(on, { ticket: idOf(req), side: 'operator', ...message })
      res.redirect(303, `${HOME}/${idOf(req)}`)
    }),
  )
  router.post(`${HOME}/:id/state`, access('ops'), async (req, res) => {
    await setState(on, idOf(req), readForm(StateForm, req).state)
    res.redirect(303, `${HOME}/${idOf(req)}`)
  })
  router.get(`${HOME}/:id/files/:file`, access('ops'), async (req, res) => {
    await sendFile(on, res, { ticket: idOf(req), id: idIn(req.params['file'] as string, 'file') })
  })
  return router
}

const idOf = (req: Request): string => idIn(req.params['id'] as string, 'ticket')
