import { randomInt } from 'node:crypto'
import { Router, type Response } from 'express'
import { access, whoOf } from '../http/access.ts'
import type { Resources } from '../resources.ts'
import { pageOf } from './page.ts'
import { see } from './phone.ts'
import { placeOf, type Place } from './place.ts'

const QUIET_MS = 15_000
/** Changes within this time share one event. */
const GATHER_MS = 40

/**
 * The phone and the wire log as they change, each event whole: a page that was away needs no replay.
 * htmx closes the stream while the tab is hidden, so an open one means that the customer looks at the chat.
 */
export function streamRoutes(on: Resources): Router {
  const router = Router()
  router.get('/stream', access('agent'), (req, res) => {
    const { org, user } = whoOf(req)
    const place = placeOf(on, org, req.query['person'])
    res.set({ 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' })
    res.write(`:\nretry: ${randomInt(1_000, 5_000)}\n\n`)
    follow(place, res)
    // Whoever signed out comes back only by signing in.
    const forget = on.events.subscribe((event) => {
      if (event.kind === 'sessions' && event.user === user) res.end()
    })
    const quiet = setInterval(() => res.write(':\n\n'), QUIET_MS).unref()
    res.on('close', () => {
      clearInterval(quiet)
      forget()
    })
  })
  return router
}

function follow({ box, line, person }: Place, res: Response): void {
  let gathering: NodeJS.Timeout | undefined
  let shown = JSON.stringify(line.switches)
  const show = (): void => {
    gathering = undefined
    const before = shown
    shown = JSON.stringify(line.switches)
    // Replaced only when they changed: a list that is open would close.
    const model = { ...pageOf(box, line, person), hasTurned: shown !== before }
    res.render('sandbox/live', model, (failed, html) => {
      if (failed) box.on.log.error({ err: failed }, 'the phone could not be shown')
      else res.write(toEvent(html))
    })
  }
  const leave = box.subscribe(line.org, () => {
    gathering ??= setTimeout(show, GATHER_MS).unref()
  })
  const lookAway = box.watch(person.id)
  see(box, line, person)
  res.on('close', () => {
    clearTimeout(gathering)
    leave()
    lookAway()
  })
}

/** Any line break of the page is one of the protocol. */
const toEvent = (html: string): string =>
  `${html
    .trim()
    .split(/\r\n|\r|\n/)
    .map((line) => `data: ${line}`)
    .join('\n')}\n\n`
