import express, { Router, type Request } from 'express'
import { access } from '../http/access.ts'
import { showPage } from '../http/page.ts'
import { isTopic, type Topic } from '../ops/letter-kinds.ts'
import { listWanted, refuseMail } from '../ops/refusals.ts'
import { readWayOut } from '../ops/way-out.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { WORDS } from './announcements.ts'

const ADDRESS = '/unsubscribe/:topic/:token'
type Link = { user: string; topic: Topic }

/** GET shows what the link of a letter is for and changes nothing: programs that look for dangerous links open it too. */
export function wayOutRoutes(on: Resources): Router {
  const router = Router()
  router.get(ADDRESS, access('public'), async (req, res) => {
    res.set({ 'X-Robots-Tag': 'noindex', 'Referrer-Policy': 'no-referrer' })
    const { user, topic } = linkIn(on, req)
    const wanted = await listWanted(on, user)
    showPage(res, 'announcements/way-out', { name: WORDS[topic].name, isWanted: wanted[topic] })
  })
  return router
}

/**
 * POST acts, for a person's page and for a mail program alike. It comes from elsewhere and without a cookie, so it
 * stands before the check of origins: the token is all that counts, and no answer depends on a sign-in.
 * Source: RFC 8058, which wants no redirect for a mail program.
 */
export function oneClickRoutes(on: Resources): Router {
  const router = Router()
  const body = express.urlencoded({ extended: false, limit: '4kb' })
  router.post(ADDRESS, access('link'), body, async (req, res) => {
    const { user, topic } = linkIn(on, req)
    if (!(await refuseMail(on, user, topic))) throw nobody()
    const { from } = (req.body ?? {}) as { from?: unknown }
    if (from === 'page') res.redirect(303, req.originalUrl)
    else res.type('text/plain').send('Done: no more letters of this kind.\n')
  })
  return router
}

function linkIn(on: Resources, req: Request): Link {
  const { topic, token } = req.params as { topic: string; token: string }
  const user = isTopic(topic) ? readWayOut(on, topic, token) : undefined
  if (!isTopic(topic) || user === undefined) throw nobody()
  return { user, topic }
}

const nobody = (): Refusal =>
  new Refusal(404, 'not_found', 'This link belongs to no letter of ours, or to nobody any more.')
