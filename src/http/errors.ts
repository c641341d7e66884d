import { STATUS_CODES } from 'node:http'
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express'
import { isRetriable } from '../db.ts'
import { notFound, Refusal } from '../refusal.ts'
import { wantsFragment, wantsJson } from './page.ts'
import { routeOf } from './request.ts'

export const missing: RequestHandler = (_req, _res, next) => next(notFound())

/**
 * The edge where every error ends: refusals are shown with what to do next, surprises are logged once with the
 * request id and answered without detail. A database that is away is "later", not "broken".
 */
export const answerError: ErrorRequestHandler = (error: unknown, req, res, next) => {
  if (res.headersSent) return next(error)
  const refusal = asRefusal(error)
  if (refusal.status >= 500) {
    const where = { route: routeOf(req) ?? 'none', org: req.who?.org }
    req.log.error({ err: error, status: refusal.status, ...where }, 'request failed')
  }
  const { retryAfter } = refusal as Refusal & { retryAfter?: number }
  if (refusal.status === 503) res.set('Retry-After', '5')
  if (retryAfter !== undefined) res.set('Retry-After', String(retryAfter))
  if (wantsJson(req)) showProblem(req, res, refusal)
  else showError(req, res, refusal)
  return undefined
}

function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  if (isRetriable(error))
    return new Refusal(
      503,
      'unavailable',
      'A part of the system does not answer right now. Nothing was lost; try again in a moment.',
    )
  const { status, type } = error as { status?: number; type?: string }
  if (status === 413)
    return new Refusal(413, 'too_large', 'This is larger than what can be taken here.')
  if (status !== undefined && status >= 400 && status < 500)
    return new Refusal(status, type ?? 'bad_request', 'The request could not be read.')
  return new Refusal(
    500,
    'internal',
    'Something went wrong on our side. It is logged; try again, and if it stays, tell your operator the request id.',
  )
}

/** RFC 9457. */
export function showProblem(req: Request, res: Response, refusal: Refusal): void {
  const errors = Object.entries(refusal.fields).map(([field, detail]) => ({ field, detail }))
  res
    .status(refusal.status)
    .type('application/problem+json')
    .send(
      JSON.stringify({
        type: `urn:chatflow:problem:${refusal.code}`,
        title: STATUS_CODES[refusal.status] ?? 'Error',
        status: refusal.status,
        detail: refusal.message,
        instance: `urn:request:${req.id}`,
        code: refusal.code,
        ...(errors.length > 0 ? { errors } : {}),
      }),
    )
}

function showError(req: Request, res: Response, refusal: Refusal): void {
  const model = {
    status: refusal.status,
    code: refusal.code,
    detail: refusal.message,
    requestId: req.id,
  }
  res.status(refusal.status).vary('HX-Request-Type')
  // An error swapped into a form's target would replace it; the page's alert region takes it instead.
  if (wantsFragment(req))
    res.set({ 'HX-Retarget': '#alert', 'HX-Reswap': 'innerHTML', 'HX-Push-Url': 'false' })
  res.render(wantsFragment(req) ? 'shared/alert' : 'shared/error', model, (failed, html) => {
    if (failed) res.type('text/plain').send(`${refusal.message} (${req.id})`)
    else res.type('html').send(html)
  })
}
