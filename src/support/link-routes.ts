import { Router, type Request, type Response } from 'express'
import type { Throttles } from '../accounts/throttle.ts'
import { access } from '../http/access.ts'
import { EMPTY, inForm, type Shown } from '../http/form-page.ts'
import { showPage } from '../http/page.ts'
import { sourceOf } from '../http/source.ts'
import { idIn } from '../http/viewer.ts'
import { newId } from '../ids.ts'
import { timesIn } from '../inbox/times.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { readTicketLink } from './letters.ts'
import { MessageForm } from './message-form.ts'
import { readMessage, sendFile } from './message-routes.ts'
import { readTicket, writeMessage } from './tickets.ts'

const ADDRESS = '/support/ticket/:token'

/** A ticket of somebody without an account: its address opens it, and nothing else does. */
export function linkRoutes(on: Resources, throttles: Throttles): Router {
  const router = Router()
  const byLink = async (req: Request) => {
    const id = readTicketLink(on, String(req.params['token']))
    const found = id === undefined ? undefined : await readTicket(on, id)
    // With an account it is read signed in: an address in a mailbox opens nothing then.
    if (!found || found.ticket.user_id !== null) throw notFound('ticket')
    return found
  }
  const show = async (req: Request, res: Response, shown: Shown): Promise<void> => {
    res.set({ 'X-Robots-Tag': 'noindex', 'Referrer-Policy': 'no-referrer' })
    const home = `/support/ticket/${String(req.params['token'])}`
    const model = { times: timesIn('UTC', on.now()), home, side: 'asker', token: newId() }
    showPage(res, 'support/by-link', { ...shown, ...(await byLink(req)), ...model })
  }
  router.get(ADDRESS, access('public'), (req, res) => show(req, res, EMPTY))
  router.post(
    `${ADDRESS}/messages`,
    access('public'),
    inForm(show, async (req, res) => {
      const { ticket } = await byLink(req)
      await throttles.support(sourceOf(req).ip)
      const message = await readMessage(MessageForm, req, res)
      await writeMessage(on, { ticket: ticket.id, side: 'asker', ...message })
      res.redirect(303, `/support/ticket/${String(req.params['token'])}`)
    }),
  )
  router.get(`${ADDRESS}/files/:file`, access('public'), async (req, res) => {
    const { ticket } = await byLink(req)
    await sendFile(on, res, { ticket: ticket.id, id: idIn(req.params['file'] as string, 'file') })
  })
  return router
}
