import express, { Router, type Request, type Response } from 'express'
import { z } from 'zod'
import { access, whoOf } from '../http/access.ts'
import { readForm } from '../http/forms.ts'
import { wantsFragment, wantsJson } from '../http/page.ts'
import { viewerOf } from '../http/viewer.ts'
import { timesIn } from '../inbox/times.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { connectLine } from './connect.ts'
import { release } from './delivery.ts'
import { galleryOf } from './gallery.ts'
import { graphRoutes } from './graph-routes.ts'
import { pageOf, reportOf } from './page.ts'
import { firstPeople, newPerson, PLACE_NAMES } from './people.ts'
import { clearLine, closeWindow, react, say, see, setPhone } from './phone.ts'
import { placeOf, type Place } from './place.ts'
import { lineOf, openSandbox } from './sandbox.ts'
import { streamRoutes } from './stream-routes.ts'
import { SwitchForm, SwitchPatch } from './switches.ts'

const isOn = z.union([z.boolean(), z.literal('on').transform(() => true)]).default(false)
const Message = z.object({
  type: z.enum(['text', 'image', 'audio', 'document']).default('text'),
  text: z.string().trim().max(4096, 'At most 4,096 characters.').default(''),
  context: z.string().max(200).optional(),
})
const Reaction = z.object({ message: z.string().max(200), emoji: z.string().max(16).default('') })
const Phone = z.object({ online: isOn, receipts: isOn })
const NewPerson = z.object({
  name: z.string().trim().min(1, 'Give the customer a name.').max(60, 'At most 60 characters.'),
  place: z.enum(PLACE_NAMES),
  username: z
    .string()
    .trim()
    .regex(/^[a-z0-9._]{3,35}$/, 'Small letters, digits, dots and underscores.')
    .optional()
    .or(z.literal('').transform(() => undefined)),
})

/** The stand-in for WhatsApp: the customer's phone, the switchboard and the Graph API. */
export function sandboxRoutes(on: Resources): Router {
  const router = Router()
  // What waited for this process to come back goes on without a page being opened.
  openSandbox(on)
  router.use('/graph', graphRoutes(on))
  router.use(streamRoutes(on))
  router.use(express.json({ limit: '64kb' }))
  router.get('/', access('agent'), (req, res) => showSandbox(on, req, res))
  router.get('/gallery', access('agent'), (req, res) => {
    const { now, zone, mayAdmin } = viewerOf(on, req)
    const reader = { now, mayAdmin, times: timesIn(zone, now), contactName: 'Camila' }
    res.render('sandbox/gallery', { gallery: galleryOf(reader) })
  })
  router.get('/wire', access('agent'), (req, res) => {
    const { box, line } = placeOf(on, whoOf(req).org)
    res.attachment('sandbox-wire.json').json(box.wireOf(line.org).entries)
  })
  router.post('/connection', access('admin'), async (req, res) => {
    const { org, orgName } = whoOf(req)
    await connectLine(openSandbox(on), org, orgName, firstPeople())
    answer(req, res, placeOf(on, whoOf(req).org))
  })
  lineActions(on, router)
  personActions(on, router)
  return router
}

function lineActions(on: Resources, router: Router): void {
  router.post('/switches', access('agent'), (req, res) => {
    const place = placeOf(on, whoOf(req).org)
    const patch = readForm(req.is('json') ? SwitchPatch : SwitchForm, req)
    Object.assign(place.line.switches, patch)
    release(place.box, place.line)
    place.box.changed(place.line.org)
    answer(req, res, place)
  })
  router.post('/clearing', access('agent'), (req, res) => {
    const place = placeOf(on, whoOf(req).org)
    clearLine(place.box, place.line)
    answer(req, res, place)
  })
  router.post('/people', access('agent'), (req, res) => {
    const place = placeOf(on, whoOf(req).org)
    const { name, place: home, username } = readForm(NewPerson, req)
    const person = newPerson(name, home, username)
    place.line.people.push(person)
    place.box.changed(place.line.org)
    answer(req, res, { ...place, person })
  })
}

function personActions(on: Resources, router: Router): void {
  const act = (name: string, change: (place: Place, req: Request) => void): void => {
    router.post(`/people/:person/${name}`, access('agent'), (req, res) => {
      const place = placeOf(on, whoOf(req).org, req.params['person'])
      change(place, req)
      answer(req, res, place, name === 'messages' ? 'sandbox/said' : 'sandbox/live')
    })
  }
  act('messages', ({ box, line, person }, req) => {
    const { type, text, context } = readForm(Message, req)
    if (type === 'text' && text === '')
      throw new Refusal(422, 'invalid', 'Write something first.', { text: 'Write something.' })
    say(box, line, person, { kind: type, text, context })
  })
  act('reactions', ({ box, line, person }, req) => {
    react(box, line, person, readForm(Reaction, req))
  })
  act('phone', ({ box, line, person }, req) => setPhone(box, line, person, readForm(Phone, req)))
  act('reading', ({ box, line, person }) => see(box, line, person))
  act('closing', ({ box, line, person }) => closeWindow(box, line, person))
}

function showSandbox(on: Resources, req: Request, res: Response): void {
  const box = openSandbox(on)
  if (!lineOf(box, whoOf(req).org)) {
    if (wantsJson(req)) throw new Refusal(404, 'no_sandbox', 'There is no sandbox number yet.')
    return res.render('sandbox/empty')
  }
  const { line, person } = placeOf(on, whoOf(req).org, req.query['person'])
  const reply = req.query['reply']
  if (wantsJson(req)) res.json(reportOf(box, line))
  else {
    const view = wantsFragment(req) ? 'sandbox/_composer' : 'sandbox/index'
    res.vary('HX-Request-Type')
    res.render(view, pageOf(box, line, person, typeof reply === 'string' ? reply : undefined))
  }
}

/** Programs get the state, htmx what changed, and a browser without scripts the page again. */
function answer(
  req: Request,
  res: Response,
  { box, line, person }: Place,
  view = 'sandbox/live',
): void {
  if (wantsJson(req)) res.json(reportOf(box, line))
  else if (wantsFragment(req)) res.render(view, pageOf(box, line, person))
  else res.redirect(303, `/sandbox?person=${person.id}`)
}
