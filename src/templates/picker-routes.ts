import { Router, type Request, type Response } from 'express'
import { z } from 'zod'
import { access, whoOf } from '../http/access.ts'
import { isStorable, readForm } from '../http/forms.ts'
import { showPage, wantsFragment } from '../http/page.ts'
import { shownPart } from '../http/thread-part.ts'
import { idIn } from '../http/viewer.ts'
import { newId } from '../ids.ts'
import { markRead } from '../inbox/conversations.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { queueMessage } from '../sending/outbox.ts'
import { blanksOf, obstacleOf } from './blanks.ts'
import { fillTemplate } from './fill.ts'
import { formOf, knownValues, needChoice, readChoices } from './picker.ts'
import { previewOf, type Values } from './preview.ts'
import type { Template } from './templates.ts'

const HOME = '/inbox/:id/templates'
type Params = { id: string; template: string }
const Sent = z.looseObject({ client_token: z.uuid().optional() })
const search = z.string().trim().max(100).refine(isStorable).catch('')

/** Choosing a template in a conversation, filling it in and sending it. */
export function pickerRoutes(on: Resources): Router {
  const router = Router()
  router.get<{ id: string }>(HOME, access('agent'), async (req, res) => {
    const { org } = whoOf(req)
    const conversation = idIn(req.params.id, 'conversation')
    const q = search.parse(req.query['q'])
    const found = await on.db.withTenant(org, (tx) =>
      readChoices(tx, org, { conversation, q, now: on.now() }),
    )
    show(req, res, 'choose', found)
  })
  router.get<Params>(`${HOME}/:template`, access('agent'), async (req, res) => {
    const { org } = whoOf(req)
    const { found, values } = await on.db.withTenant(org, async (tx) => {
      const choice = await needChoice(tx, org, placeOf(req))
      return { found: choice, values: await knownValues(tx, org, choice) }
    })
    show(req, res, 'fill', formOf(found, { values, errors: {}, problem: '', token: '' }, on.now()))
  })
  router.post<Params>(`${HOME}/:template`, access('agent'), (req, res) => send(on, req, res))
  router.post<Params>(`${HOME}/:template/preview`, access('agent'), async (req, res) => {
    const { template } = await choiceOf(on, req)
    const preview = previewOf(template, valuesIn(req, template))
    res.render('templates/_preview', { preview, at: 'p' })
  })
  return router
}

const placeOf = (req: Request<Params>): { conversation: string; template: string } => ({
  conversation: idIn(req.params.id, 'conversation'),
  template: idIn(req.params.template, 'template'),
})

type Choice = Awaited<ReturnType<typeof needChoice>>
function choiceOf(on: Resources, req: Request<Params>): Promise<Choice> {
  const { org } = whoOf(req)
  return on.db.withTenant(org, (tx) => needChoice(tx, org, placeOf(req)))
}

/** What was typed into the blanks of this template, and nothing else. */
function valuesIn(req: Request, template: Template): Values {
  const form = readForm(z.looseObject({}), req) as Record<string, unknown>
  const typed = blanksOf(template).map(({ key }) => [key, form[key]] as const)
  return new Map(typed.map(([key, value]) => [key, typeof value === 'string' ? value.trim() : '']))
}

/** A message in the conversation, or the form again with what is wrong and everything that was typed. */
async function send(on: Resources, req: Request<Params>, res: Response): Promise<void> {
  const { org, user } = whoOf(req)
  const found = await choiceOf(on, req)
  const { conversation, template } = found
  const { client_token: token = newId() } = readForm(Sent, req)
  const values = valuesIn(req, template)
  try {
    const obstacle = obstacleOf(template)
    if (obstacle) throw new Refusal(422, 'template_unsendable', obstacle)
    const body = { type: 'template', template: fillTemplate(template, values, on.now()) }
    const cause = { kind: 'agent', person: user } as const
    await queueMessage(on, org, { conversation: conversation.id, clientToken: token, cause, body })
  } catch (error) {
    if (!(error instanceof Refusal) || error.status !== 422) throw error
    const { message: problem, fields: errors } = error
    res.status(422)
    return show(req, res, 'fill', formOf(found, { values, errors, problem, token }, on.now()))
  }
  await markRead(on, org, conversation.id)
  if (!wantsFragment(req)) return res.redirect(303, `/inbox/${conversation.id}`)
  const part = await shownPart(on, req, conversation.id)
  res.status(201).render('templates/sent', { open: { part, token: '' } })
}

/** In the conversation that is open, or as a page of its own for a browser without scripts. */
function show(req: Request, res: Response, view: 'choose' | 'fill', model: object): void {
  if (wantsFragment(req)) res.vary('HX-Request-Type').render(`templates/_${view}`, model)
  else showPage(res, `templates/${view}`, model)
}
