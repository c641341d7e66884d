import express, {
  Router,
  type ErrorRequestHandler,
  type Request,
  type RequestHandler,
  type Response,
} from 'express'
import { access } from '../http/access.ts'
import { newId } from '../ids.ts'
import type { Resources } from '../resources.ts'
import { describeNumber, describeToken, subscription, withdrawal } from './graph-account.ts'
import { deleteMedia, describeMedia, downloadMedia } from './graph-media.ts'
import { checkToken, lineOfToken, takeMessage, type GraphAnswer } from './graph.ts'
import { badParameter, bodyOf, GraphRefusal, unknownObject } from './graph-refusals.ts'
import { openSandbox } from './sandbox.ts'
import { noteWire, type Line, type Sandbox } from './state.ts'
import { createOnShelf, deleteFromShelf, editOnShelf } from './template-desk.ts'
import { listShelf } from './templates.ts'
import { keepUpload } from './uploads.ts'

type Call = (box: Sandbox, line: Line, req: Request) => GraphAnswer

const id = (req: Request): string => String(req.params['id'])
const take: Call = (box, line, req) => {
  if (id(req) !== line.phoneNumberId) throw unknownObject()
  return takeMessage(box, line, objectOf(req.body))
}

/** The Graph API over HTTP, as far as the product calls it; any version is taken, the bearer token decides. */
export function graphRoutes(on: Resources): Router {
  const router = Router()
  const answer = (call: Call) => (req: Request, res: Response) => {
    const box = openSandbox(on)
    const line = lineOfToken(box, req.get('authorization'))
    watch(box, line, req, res)
    checkToken(line)
    const { body, isSilent } = call(box, line, req)
    // Taken, and then the line goes dead: the caller cannot know.
    if (isSilent) res.socket?.destroy()
    else res.json(body)
  }

  router.post('/:version/:id/media', access('sandbox'), form, async (req, res) => {
    res.json(await upload(on, req, res))
  })
  router.use(express.json({ limit: '1mb' }))
  router.post('/:version/:id/messages', access('sandbox'), answer(take))
  router.get(
    '/:version/debug_token',
    access('sandbox'),
    answer((box, _line, req) => ({ body: describeToken(box, req.query['input_token']) })),
  )
  router.all(
    '/:version/:id/subscribed_apps',
    access('sandbox'),
    answer((box, line, req) => ({ body: subscription(box, line, id(req), req.method) })),
  )
  router.delete(
    '/:version/:id/permissions',
    access('sandbox'),
    answer((box, line, req) => ({ body: withdrawal(box, line, id(req)) })),
  )
  objectCalls(on, router, answer)
  templateCalls(router, answer)
  router.all(
    '/{*path}',
    access('sandbox'),
    answer(() => {
      throw unknownObject()
    }),
  )
  router.use(refuse)
  return router
}

/** The rest of the Graph API speaks JSON. */
const form = express.raw({ type: 'multipart/form-data', limit: '110mb' })

/** A file of the business, to be sent by its id. */
function upload(on: Resources, req: Request, res: Response): Promise<{ id: string }> {
  const box = openSandbox(on)
  const line = lineOfToken(box, req.get('authorization'))
  checkToken(line)
  if (id(req) !== line.phoneNumberId) throw unknownObject()
  const kept = keepUpload(line, { body: req.body, type: req.get('content-type') ?? '' })
  // The log shows that there was a file, not its bytes.
  req.body = {}
  watch(box, line, req, res)
  return kept
}

/** The bytes behind an address that was given out. */
function hand(on: Resources, req: Request, res: Response): void {
  const box = openSandbox(on)
  const line = lineOfToken(box, req.get('authorization'))
  watch(box, line, req, res)
  const { bytes, mime } = downloadMedia(box, line, { id: id(req), until: req.query['until'] })
  res.type(mime).send(bytes)
}

/** `GET /{id}` of the number or of a file. */
const describe: Call = (box, line, req) => ({
  body:
    id(req) === line.phoneNumberId
      ? chosen(describeNumber(line), req)
      : chosen(describeMedia(box, line, id(req)), req),
})

/** Of the number or a file by its id, and the bytes of a file. */
function objectCalls(on: Resources, router: Router, answer: (call: Call) => RequestHandler): void {
  router.get('/bytes/:id', access('sandbox'), (req, res) => hand(on, req, res))
  router.get('/:version/:id', access('sandbox'), answer(describe))
  router.delete(
    '/:version/:id',
    access('sandbox'),
    answer((_box, line, req) => ({ body: deleteMedia(line, id(req)) })),
  )
}

/** The management of templates, as far as the product calls it. */
function templateCalls(router: Router, answer: (call: Call) => RequestHandler): void {
  const shelf = '/:version/:id/message_templates'
  router.get(
    shelf,
    access('sandbox'),
    answer((_box, line, req) => ({ body: listShelf(line, id(req), req.query, addressOf(req)) })),
  )
  router.post(
    shelf,
    access('sandbox'),
    answer((box, line, req) => ({ body: createOnShelf(box, line, id(req), objectOf(req.body)) })),
  )
  router.delete(
    shelf,
    access('sandbox'),
    answer((box, line, req) => ({ body: deleteFromShelf(box, line, id(req), req.query) })),
  )
  router.post(
    '/:version/:id',
    access('sandbox'),
    answer((box, line, req) => ({ body: editOnShelf(box, line, id(req), objectOf(req.body)) })),
  )
}

function objectOf(body: unknown): Record<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw badParameter('The body must be a JSON object.')
  return body as Record<string, unknown>
}

/** Only the asked `fields`, and the id. */
function chosen(all: Record<string, unknown>, req: Request): object {
  const fields = req.query['fields']
  if (typeof fields !== 'string') return all
  const wanted = new Set(['id', ...fields.split(',').map((name) => name.trim())])
  return Object.fromEntries(Object.entries(all).filter(([name]) => wanted.has(name)))
}

/** For links to a next page. */
const addressOf = (req: Request): string => `http://${req.get('host')}${req.originalUrl}`

/** One line of the wire log per call, at its end. */
function watch(box: Sandbox, line: Line, req: Request, res: Response): void {
  const started = performance.now()
  const body: unknown = req.body
  const what = titleOf(line, req)
  res.on('close', () => {
    const ms = Math.round(performance.now() - started)
    const end = res.writableFinished ? `${res.statusCode} in ${ms} ms` : 'cut off'
    const at = box.on.now().getTime()
    noteWire(box.wireOf(line.org), { id: newId(), at, way: 'out', what, end, body })
    box.changed(line.org)
  })
}

/** Such as `POST /messages · text`: ids are left out, they say nothing here. */
function titleOf(line: Line, { method, path, body }: Request): string {
  const name = path.split('/').at(-1) ?? ''
  const { status, type } = (body ?? {}) as Record<string, unknown>
  const kind = [status, type].find((value) => typeof value === 'string')
  const isMedia = /^\d{15}$/.test(name) && name !== line.phoneNumberId
  const last = isMedia ? '{media}' : name === line.phoneNumberId ? '{number}' : name
  const words = [`${method} /${last}`, kind]
  return words.filter(Boolean).join(' · ')
}

/** Every failure ends as Meta's error object, also a body that is no JSON. */
const refuse: ErrorRequestHandler = (error: unknown, req, res, _next) => {
  const isTheirs = ((error as { status?: number }).status ?? 500) < 500
  if (!(error instanceof GraphRefusal) && !isTheirs)
    req.log.error({ err: error }, 'the sandbox failed')
  const refusal =
    error instanceof GraphRefusal
      ? error
      : isTheirs
        ? badParameter('The body is not valid JSON.')
        : new GraphRefusal({ status: 500, code: 131_000 }, 'Something went wrong', 'Unknown error.')
  res.status(refusal.status).json(bodyOf(refusal))
}
