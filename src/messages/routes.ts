import { byPerson } from '../audit/audit.ts'
import { Router, type Request, type Response } from 'express'
import { z } from 'zod'
import { access, whoOf } from '../http/access.ts'
import { readForm } from '../http/forms.ts'
import { showInbox } from '../http/inbox-page.ts'
import { takeUpload } from '../http/media-upload.ts'
import { showPage, wantsFragment } from '../http/page.ts'
import { shownPart } from '../http/thread-part.ts'
import { idIn, viewerOf } from '../http/viewer.ts'
import { newId } from '../ids.ts'
import { markRead } from '../inbox/conversations.ts'
import { keepDraft } from '../inbox/drafts.ts'
import { readWhy } from '../inbox/why.ts'
import { MEDIA_KINDS } from '../media/kinds.ts'
import { noFile } from '../media/uploading.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { cancelMessage, queueMessage, retryMessage } from '../sending/outbox.ts'
import { noteCorrection } from './correcting.ts'
import { getMessage } from './messages.ts'

/** Length and emptiness are judged where the message is made, so that the API says the same. */
const Reply = z.object({
  text: z.string().default(''),
  media: z
    .uuid()
    .or(z.literal('').transform(() => undefined))
    .optional(),
  media_kind: z.enum(MEDIA_KINDS).optional().catch(undefined),
  client_token: z.uuid().optional(),
})
type Reply = z.infer<typeof Reply>
/** Source: WhatsApp Cloud API, captions. */
const MOST_CAPTION = 1_024

const Correction = z.object({
  text: z
    .string()
    .trim()
    .min(1, 'Write what is right.')
    .max(2_000, 'Use at most 2,000 characters.'),
})

type Params = { id: string; message: string }

/** What agents do with messages. A fragment is answered with the part of the thread the page shows, whole. */
export function messageRoutes(on: Resources): Router {
  const router = Router()
  router.post<Params>('/inbox/:id/messages', access('agent'), async (req, res) => {
    const { client_token = newId(), ...said } = readForm(Reply, req)
    const { text } = said
    const id = idIn(req.params.id, 'conversation')
    await reply(on, req, { conversation: id, clientToken: client_token, ...said }).then(
      () => answer(on, req, res, { id, status: 201, token: newId() }),
      (error: unknown) => refuse(on, req, res, { id, text, error }),
    )
  })
  // Without scripts the file and the words below it come in one form.
  router.post<Params>('/inbox/:id/files', access('agent'), async (req, res) => {
    const { org, user } = whoOf(req)
    const id = idIn(req.params.id, 'conversation')
    const { file, fields } = await takeUpload(on, req, { org, user })
    if (!file) throw noFile()
    const text = fields['text'] ?? ''
    const said = { text, media: file.id, media_kind: file.kind }
    await reply(on, req, { conversation: id, clientToken: newId(), ...said }).then(
      () => res.redirect(303, `/inbox/${id}`),
      (error: unknown) => refuse(on, req, res, { id, text, error }),
    )
  })
  router.post<Params>('/inbox/:id/messages/:message/retry', access('agent'), async (req, res) => {
    const message = await needMessage(on, req)
    await retryMessage(on, whoOf(req).org, message, whoOf(req).user)
    await answer(on, req, res, { id: req.params.id, status: 201, token: '' })
  })
  router.post<Params>('/inbox/:id/messages/:message/cancel', access('agent'), async (req, res) => {
    const message = await needMessage(on, req)
    await cancelMessage(on, whoOf(req).org, message)
    await answer(on, req, res, { id: req.params.id, status: 200, token: '' })
  })
  about(router, on)
  return router
}

/** What is told of one message, and noted to it. */
function about(router: Router, on: Resources): void {
  const correction = '/inbox/:id/messages/:message/correction'
  router.get<Params>(correction, access('agent'), async (req, res) => {
    const message = await needMessage(on, req)
    showPage(res, 'messages/correct', { conversation: req.params.id, message })
  })
  router.post<Params>(correction, access('agent'), async (req, res) => {
    const message = await needMessage(on, req)
    const { text } = readForm(Correction, req)
    await noteCorrection(on, whoOf(req).org, { message, text, by: byPerson(whoOf(req)) })
    res.redirect(303, `/inbox/${req.params.id}`)
  })
  router.get<Params>('/inbox/:id/messages/:message/why', access('agent'), async (req, res) => {
    const message = await needMessage(on, req)
    showPage(res, 'messages/why', { why: await readWhy(on, viewerOf(on, req), message) })
  })
}

/** Whoever answers has read, and needs the draft no more. */
async function reply(
  on: Resources,
  req: Request<Params>,
  { conversation, clientToken, ...said }: Said & { conversation: string; clientToken: string },
): Promise<void> {
  const { org, user } = whoOf(req)
  for (const [n, body] of bodiesOf(said).entries())
    await queueMessage(on, org, {
      conversation,
      clientToken: n === 0 ? clientToken : `${clientToken}-${n}`,
      cause: { kind: 'agent', person: user },
      body,
    })
  await on.db.withTenant(org, (tx) => keepDraft(tx, org, { conversation, user }, ''))
  await markRead(on, org, conversation)
}

type Said = Pick<Reply, 'text' | 'media' | 'media_kind'>

/** Words stand below a picture, a film or a document; after a sound they are a message of their own. */
function bodiesOf({ text, media, media_kind: kind = 'document' }: Said): object[] {
  const words = text.trim()
  const alone = { type: 'text', text: { body: words } }
  if (media === undefined) return [alone]
  const isBelow =
    words !== '' && words.length <= MOST_CAPTION && !['audio', 'sticker'].includes(kind)
  const file = { type: kind, [kind]: { id: media, ...(isBelow ? { caption: words } : {}) } }
  return words === '' || isBelow ? [file] : [file, alone]
}

/** A message is reached through its own conversation only. */
async function needMessage(on: Resources, req: Request<Params>): Promise<string> {
  const { org } = whoOf(req)
  const id = idIn(req.params.message, 'message')
  const found = await on.db.withTenant(org, (tx) => getMessage(tx, org, id))
  if (found?.conversation_id !== req.params.id) throw notFound('message')
  return id
}

async function answer(
  on: Resources,
  req: Request<Params>,
  res: Response,
  { id, status, token }: { id: string; status: number; token: string },
): Promise<void> {
  if (!wantsFragment(req)) return res.redirect(303, `/inbox/${id}`)
  const part = await shownPart(on, req, id)
  res.status(status).render('inbox/replied', { open: { part, token } })
}

/** The sentence beside the text, which stays; everything that is not the writer's to mend goes on as an error. */
async function refuse(
  on: Resources,
  req: Request<Params>,
  res: Response,
  { id, text, error }: { id: string; text: string; error: unknown },
): Promise<void> {
  if (!(error instanceof Refusal) || error.status !== 422) throw error
  res.status(422)
  if (wantsFragment(req)) res.render('inbox/refused', { error: error.message })
  else await showInbox(on, req, res, { id, text, error: error.message })
}
