import { Router, type Request, type Response } from 'express'
import { openThrottles, type Throttles } from '../accounts/throttle.ts'
import { checkEmail } from '../accounts/fields.ts'
import { rankOf } from '../accounts/roles.ts'
import { access, whoOf, type Who } from '../http/access.ts'
import { EMPTY, inForm, type Shown } from '../http/form-page.ts'
import { showPage } from '../http/page.ts'
import { sourceOf } from '../http/source.ts'
import { idIn, viewerOf } from '../http/viewer.ts'
import { newId } from '../ids.ts'
import { timesFor } from '../inbox/page.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { supportAccessRoutes } from './access-routes.ts'
import { supportDeskRoutes } from './desk-routes.ts'
import { linkRoutes } from './link-routes.ts'
import { lookRoutes } from './look-routes.ts'
import { ticketLink } from './letters.ts'
import { MessageForm, TicketForm } from './message-form.ts'
import { readMessage, sendFile } from './message-routes.ts'
import {
  listTickets,
  openTicket,
  readTicket,
  setState,
  writeMessage,
  type Ticket,
} from './tickets.ts'

/** /support: asking, also without an account; /ops/support: answering. */
export function supportRoutes(on: Resources): Router {
  const router = Router()
  const throttles = openThrottles(on)
  askRoutes(router, on, throttles)
  router.use(linkRoutes(on, throttles))
  ticketRoutes(router, on)
  router.use(supportDeskRoutes(on))
  router.use(supportAccessRoutes(on))
  router.use(lookRoutes(on))
  return router
}

function askRoutes(router: Router, on: Resources, throttles: Throttles): void {
  const show = async (req: Request, res: Response, shown: Shown): Promise<void> => {
    const { who } = req
    const model = { ...shown, token: newId() }
    if (!who) return showPage(res, 'support/ask', model)
    const tickets = await listTickets(on, readerOf(who))
    showPage(res, 'support/index', { ...model, tickets, times: timesFor(viewerOf(on, req)) })
  }
  router.get('/support', access('public'), (req, res) => show(req, res, EMPTY))
  router.post(
    '/support',
    access('public'),
    inForm(show, async (req, res) => {
      const { who } = req
      if (!who) await throttles.support(sourceOf(req).ip)
      const message = await readMessage(TicketForm, req, res)
      if (who) return res.redirect(303, `/support/${await openTicket(on, who, message)}`)
      const { email } = req.body as { email?: unknown }
      const address = checkEmail(typeof email === 'string' ? email : '')
      res.redirect(303, ticketLink(on, await openTicket(on, { address }, message)))
    }),
  )
}

const readerOf = ({ user, org, role }: Who) => ({
  user,
  org,
  isAdmin: rankOf(role) >= rankOf('admin'),
})

/** Theirs, or, for whoever administers it, of their organization. */
function mayRead(who: Who, { user_id, org_id }: Ticket): boolean {
  const { user, org, isAdmin } = readerOf(who)
  return user_id === user || (isAdmin && org_id === org)
}

function ticketRoutes(router: Router, on: Resources): void {
  const ownTicket = async (req: Request) => {
    const found = await readTicket(on, idIn(req.params['id'] as string, 'ticket'))
    if (!found || !mayRead(whoOf(req), found.ticket)) throw notFound('ticket')
    return found
  }
  const show = async (req: Request, res: Response, shown: Shown): Promise<void> => {
    const times = timesFor(viewerOf(on, req))
    const home = `/support/${String(req.params['id'])}`
    const side = 'asker'
    showPage(res, 'support/ticket', {
      ...shown,
      ...(await ownTicket(req)),
      times,
      home,
      side,
      token: newId(),
    })
  }
  router.get('/support/:id', access('user'), (req, res) => show(req, res, EMPTY))
  router.post(
    '/support/:id/messages',
    access('user'),
    inForm(show, async (req, res) => {
      const { ticket } = await ownTicket(req)
      const message = await readMessage(MessageForm, req, res)
      await writeMessage(on, { ticket: ticket.id, side: 'asker', ...message })
      res.redirect(303, `/support/${ticket.id}`)
    }),
  )
  router.post('/support/:id/closing', access('user'), async (req, res) => {
    const { ticket } = await ownTicket(req)
    await setState(on, ticket.id, 'closed')
    res.redirect(303, `/support/${ticket.id}`)
  })
  router.get('/support/:id/files/:file', access('user'), async (req, res) => {
    const { ticket } = await ownTicket(req)
    await sendFile(on, res, { ticket: ticket.id, id: idIn(req.params['file'] as string, 'file') })
  })
}
