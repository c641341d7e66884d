import type { Request, RequestHandler, Response } from 'express'
import { Refusal } from '../refusal.ts'

/** What a form is shown with: what was typed, and what is wrong with it. */
export type Shown = {
  values: Record<string, string>
  errors: Record<string, string>
  problem: string
}

type Show = (req: Request, res: Response, shown: Shown) => Promise<void> | void
type Handle = (req: Request, res: Response) => Promise<void>

export const EMPTY: Shown = { values: {}, errors: {}, problem: '' }

/**
 * A handler whose refusals come back in the form itself: same status, a sentence per field, typed values kept (the
 * view of a field never prints a password).
 * What no form can mend (5xx, surprises) goes on to the error page.
 */
export function inForm(show: Show, handle: Handle): RequestHandler {
  return async (req, res) => {
    try {
      await handle(req, res)
    } catch (error) {
      if (!(error instanceof Refusal) || error.status >= 500) throw error
      const { retryAfter } = error as { retryAfter?: number }
      if (retryAfter !== undefined) res.set('Retry-After', String(retryAfter))
      res.status(error.status)
      await show(req, res, { values: typed(req), errors: error.fields, problem: error.message })
    }
  }
}

function typed(req: Request): Record<string, string> {
  const body = (req.body ?? {}) as Record<string, unknown>
  return Object.fromEntries(
    Object.entries(body).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  )
}
