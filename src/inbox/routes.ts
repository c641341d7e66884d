import { Router, type Request, type Response } from 'express'
import { z } from 'zod'
import { access, whoOf } from '../http/access.ts'
import { readForm } from '../http/forms.ts'
import { showInbox } from '../http/inbox-page.ts'
import { wantsFragment } from '../http/page.ts'
import { streamsOf } from '../http/stream.ts'
import { askedIn, idIn, viewerOf } from '../http/viewer.ts'
import { messageRoutes } from '../messages/routes.ts'
import { noteAssignee } from '../preferences/recent.ts'
import type { Resources } from '../resources.ts'
import { changeConversation, markRead, type ConversationChange } from './conversations.ts'
import { keepDraft } from './drafts.ts'
import { needConversation, readHead, readList, suffixOf } from './page.ts'
import { readOlder } from './whole.ts'

const Status = z.object({ status: z.enum(['open', 'resolved']) })
const nobody = z.literal('').transform(() => null)
const Assignment = z.object({
  assignee: z.uuid().or(nobody),
  was: z.uuid().or(nobody).optional(),
})
const Draft = z.object({ text: z.string().max(20_000) })
type Conversation = { id: string }

/** The inbox: pages of it, what agents do with a conversation, and the stream that keeps open pages true. */
export function inboxRoutes(on: Resources): Router {
  const router = Router()
  pages(router, on)
  actions(router, on)
  router.use(messageRoutes(on))
  router.get('/', access('public'), (req, res) =>
    res.redirect(303, req.who ? (req.who.preferences.start ?? '/inbox') : '/login'),
  )
  return router
}

function pages(router: Router, on: Resources): void {
  router.get('/inbox', access('agent'), async (req, res) => {
    const viewer = viewerOf(on, req)
    const asked = askedIn(req.query)
    if (!wantsFragment(req)) return showInbox(on, req, res)
    const list = await on.db.withTenant(viewer.org, (tx) => readList(tx, viewer, asked))
    res.vary('HX-Request-Type').render(asked.before ? 'inbox/rows' : 'inbox/_list', { list })
  })
  router.get('/inbox/stream', access('agent'), (req, res) => {
    const { zone, formats, mayAdmin, user } = viewerOf(on, req)
    const { view, conversation, from, fresh, restricted, after } = askedIn(req.query)
    const last = Number(req.get('last-event-id') ?? NaN)
    streamsOf(on).open(res, {
      who: whoOf(req),
      after: Number.isSafeInteger(last) && last >= 0 ? last : after,
      scope: {
        view,
        person: view === 'mine' ? user : '',
        zone,
        formats,
        mayAdmin,
        conversation: conversation ? idIn(conversation, 'conversation') : '',
        from,
        fresh,
        restricted,
      },
    })
  })
  router.get<Conversation>('/inbox/:id', access('agent'), async (req, res) => {
    const id = idIn(req.params.id, 'conversation')
    const { before } = askedIn(req.query)
    if (!before || !wantsFragment(req)) return showInbox(on, req, res, { id })
    const viewer = viewerOf(on, req)
    const part = await on.db.withTenant(viewer.org, (tx) =>
      readOlder(tx, viewer, id, askedIn(req.query)),
    )
    res.vary('HX-Request-Type').render('messages/older', { part })
  })
}

function actions(router: Router, on: Resources): void {
  router.post<Conversation>('/inbox/:id/status', access('agent'), async (req, res) => {
    const { status } = readForm(Status, req)
    await change(on, req, res, { status })
  })
  router.post<Conversation>('/inbox/:id/assignment', access('agent'), async (req, res) => {
    const { assignee, was } = readForm(Assignment, req)
    await change(on, req, res, { assignee_id: assignee, was })
  })
  router.post<Conversation>('/inbox/:id/read', access('agent'), async (req, res) => {
    const id = idIn(req.params.id, 'conversation')
    await markRead(on, whoOf(req).org, id)
    if (wantsFragment(req)) res.status(204).end()
    else res.redirect(303, `/inbox/${id}`)
  })
  router.post<Conversation>('/inbox/:id/draft', access('agent'), async (req, res) => {
    const conversation = idIn(req.params.id, 'conversation')
    const { text } = readForm(Draft, req)
    const { org, user } = whoOf(req)
    await on.db.withTenant(org, async (tx) => {
      await needConversation(tx, org, conversation)
      await keepDraft(tx, org, { conversation, user }, text)
    })
    if (wantsFragment(req)) res.status(204).end()
    else res.redirect(303, `/inbox/${conversation}`)
  })
}

/** Change it, then show the bar and the panel again; the lists of all open pages hear of it by the stream. */
async function change(
  on: Resources,
  req: Request<Conversation>,
  res: Response,
  wanted: ConversationChange,
): Promise<void> {
  const viewer = viewerOf(on, req)
  const id = idIn(req.params.id, 'conversation')
  const changed = await changeConversation(on, viewer.org, id, wanted)
  const suffix = suffixOf(askedIn(req.query))
  const assignee = wanted.assignee_id
  if (assignee)
    await on.db.withTenant(viewer.org, (tx) =>
      noteAssignee(tx, viewer.org, { user: viewer.user, assignee, now: viewer.now }),
    )
  if (!wantsFragment(req)) return res.redirect(303, `/inbox/${id}${suffix}`)
  const open = await on.db.withTenant(viewer.org, (tx) => readHead(tx, viewer, changed))
  res.render('inbox/header', { open: { ...open, suffix } })
}
