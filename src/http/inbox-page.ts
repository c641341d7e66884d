import type { Request, Response } from 'express'
import { readInbox, type Opening } from '../inbox/whole.ts'
import type { Resources } from '../resources.ts'
import { wantsFragment } from './page.ts'
import { askedIn, viewerOf } from './viewer.ts'

/** The whole page, or the thread and panel alone when htmx opens a conversation. */
export async function showInbox(
  on: Resources,
  req: Request,
  res: Response,
  opening: Opening = {},
): Promise<void> {
  const viewer = viewerOf(on, req)
  const model = await on.db.withTenant(viewer.org, (tx) =>
    readInbox(tx, viewer, askedIn(req.query), opening),
  )
  res.vary('HX-Request-Type')
  res.render(wantsFragment(req) ? 'inbox/opened' : 'inbox/index', model)
}
