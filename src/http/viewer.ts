import type { Request } from 'express'
import { z } from 'zod'
import { isId } from '../ids.ts'
import type { Viewer } from '../inbox/page.ts'
import type { View } from '../inbox/rows.ts'
import type { Fresh } from '../inbox/blocks.ts'
import type { Mark } from '../inbox/thread.ts'
import { zoneOf } from '../inbox/times.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { rankOf } from '../accounts/roles.ts'
import { whoOf } from './access.ts'
import { isStorable } from './forms.ts'

/** Who looks at a page and by which clock; the browser tells its zone in a cookie, where its person chose none. */
export function viewerOf(on: Resources, req: Request): Viewer {
  const { user, org, role, preferences } = whoOf(req)
  const [, zone] = /(?:^|;\s*)tz=([\w%+/-]{1,64})(?:;|$)/.exec(req.get('cookie') ?? '') ?? []
  return {
    user,
    org,
    mayAdmin: rankOf(role) >= rankOf('admin'),
    zone: preferences.zone ?? zoneOf(zone?.replaceAll('%2F', '/')),
    formats: preferences.formats,
    now: on.now(),
  }
}

const one = (limit: number) => z.string().trim().max(limit).refine(isStorable).catch('')
const Query = z.object({
  view: z.enum(['open', 'mine', 'unassigned', 'resolved']).catch('open'),
  q: one(100),
  before: one(60),
  panel: one(10),
  conversation: one(36),
  from: one(60),
  fresh: one(60),
  restricted: z
    .literal('1')
    .transform(() => true)
    .catch(false),
  after: z.coerce.number().int().min(0).catch(0),
})
type Asked = {
  view: View
  q: string
  panel: string
  conversation: string
  after: number
  before: Mark | undefined
  from: Mark | undefined
  fresh: Fresh | undefined
  restricted: boolean
}

/** What an address of the inbox asks for; anything that is not understood is as if it were not there. */
export function askedIn(query: unknown): Asked {
  const asked = Query.parse(query ?? {})
  return {
    ...asked,
    before: markOf(asked.before),
    from: markOf(asked.from),
    fresh: freshOf(asked.fresh),
  }
}

/** `1790000000000_<id>`: a time and the id of a message or conversation. */
export function markOf(text: string): Mark | undefined {
  const [, ms, id] = /^(\d{1,15})_([0-9a-f-]{36})$/.exec(text) ?? []
  return ms && id && isId(id) ? { at: new Date(Number(ms)), id } : undefined
}

/** `<id>_3`: before which message the line "3 new" stands. */
export function freshOf(text: string): Fresh | undefined {
  const [, id, count] = /^([0-9a-f-]{36})_(\d{1,6})$/.exec(text) ?? []
  return id && isId(id) ? { id, count: Number(count) } : undefined
}

/** An id out of an address; what is no id is as unknown as one that belongs to nobody. */
export function idIn(text: string | undefined, what: string): string {
  if (!isId(text)) throw notFound(what)
  return text
}
