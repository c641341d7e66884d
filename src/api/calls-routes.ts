import { Router, type Request, type RequestHandler, type Response } from 'express'
import { access, keyOf } from '../http/access.ts'
import { sendDownload } from '../http/download.ts'
import { sendMedia } from '../http/media-file.ts'
import { takeUpload } from '../http/media-upload.ts'
import { check, jsonBody } from '../http/json.ts'
import { digest, isId } from '../ids.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { scopeOf, type Ask, type Call, type Download } from './calls.ts'
import { once, type Answer } from './idempotency.ts'
import { noteRead } from './reads.ts'

/** Routes for all calls; a path with another method answers 405 and names those it has. */
export function mountCalls(on: Resources, calls: Call[]): Router {
  const router = Router()
  for (const path of new Set(calls.map((each) => each.path))) {
    const here = calls.filter((each) => each.path === path)
    const route = router.route(path)
    for (const each of here) {
      const steps = each.body ? [jsonBody()] : []
      route[each.method](access('key'), mayCall(each), ...steps, answer(on, each))
    }
    route.all(access('key'), (_req, res) => {
      const allowed = here.map((each) => each.method.toUpperCase()).join(', ')
      res.set('Allow', allowed)
      throw new Refusal(405, 'method_not_allowed', `This address takes ${allowed} only.`)
    })
  }
  return router
}

function mayCall({ method }: Call): RequestHandler {
  const scope = scopeOf(method)
  return (req, _res, next) => {
    if (keyOf(req).scopes.includes(scope)) return next()
    throw new Refusal(403, 'forbidden', `This key lacks the scope "${scope}".`)
  }
}

function answer(on: Resources, each: Call): RequestHandler<{ id?: string }> {
  return async (req, res) => {
    const { org, id: key } = keyOf(req)
    const name = each.body ? nameOf(req) : undefined
    const request = digest(`${req.method} ${req.originalUrl} ${JSON.stringify(req.body ?? null)}`)
    const ask = {
      on,
      org,
      key,
      id: idOf(req.params.id),
      query: check(each.query, { ...req.query }),
      body: await bodyOf(on, each, req),
      list: listOf(org, req),
      token: name && `api-${digest(`${key}|${name}|${request.toString('hex')}`).toString('hex')}`,
    }
    const read = { org, key, path: each.path }
    if (each.file) {
      await noteRead(on, read, { id: ask.id })
      const given = (await each.run(ask as Ask<never, never>)) as Download | { media: string }
      return 'media' in given
        ? sendMedia(on, { req, res }, { org, id: given.media, isSaved: true })
        : sendDownload(res, given.name, given.write)
    }
    const run = async (): Promise<Answer> => {
      const given = await each.run(ask as Ask<never, never>)
      await noteRead(on, read, given)
      return { status: each.status, text: JSON.stringify(given) }
    }
    return send(res, name ? await once(on, { org, key, name, request }, run) : await run())
  }
}

function send(res: Response, { status, text, isRepeat }: Answer & { isRepeat?: boolean }): void {
  if (isRepeat) res.set('Idempotency-Replayed', 'true')
  res.status(status).type('application/json').send(text)
}

async function bodyOf(on: Resources, each: Call, req: Request<{ id?: string }>): Promise<unknown> {
  if (each.upload) return (await takeUpload(on, req, { org: keyOf(req).org, user: null })).file
  return each.body ? check(each.body, req.body ?? {}) : undefined
}

/** What is no id at all is answered as an unknown one. */
function idOf(id: string | undefined): string {
  if (id !== undefined && !isId(id)) throw notFound('resource')
  return id ?? ''
}

function nameOf(req: Request): string | undefined {
  const name = req.get('idempotency-key')
  if (name === undefined || /^[\x20-\x7e]{1,255}$/.test(name)) return name
  throw new Refusal(
    400,
    'bad_idempotency_key',
    'An Idempotency-Key has 1 to 255 printable ASCII characters.',
  )
}

function listOf(org: string, req: Request): string {
  const filters = Object.entries(req.query).filter(([name]) => !['limit', 'cursor'].includes(name))
  return JSON.stringify([org, req.path, filters.toSorted(([a], [b]) => (a < b ? -1 : 1))])
}
