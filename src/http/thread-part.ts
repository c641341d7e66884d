import type { Request } from 'express'
import { z } from 'zod'
import { needConversation, readerFor } from '../inbox/page.ts'
import { readPart, type Part } from '../inbox/thread.ts'
import type { Resources } from '../resources.ts'
import { readForm } from './forms.ts'
import { freshOf, markOf, viewerOf } from './viewer.ts'

const Place = z.object({ from: z.string().catch(''), fresh: z.string().catch('') })

/** The part of the thread that the page shows already, whole, as it stands now; the form says from where on. */
export async function shownPart(on: Resources, req: Request, id: string): Promise<Part> {
  const viewer = viewerOf(on, req)
  const { from, fresh } = readForm(Place, req)
  return on.db.withTenant(viewer.org, async (tx) => {
    const reader = readerFor(viewer, await needConversation(tx, viewer.org, id))
    const range = { from: markOf(from) }
    return readPart(tx, viewer.org, id, { reader, range, fresh: freshOf(fresh) })
  })
}
