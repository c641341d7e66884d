import express, { Router, type Request } from 'express'
import { access } from '../http/access.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { deauthorize, deleteGrant, readCallback, type Callback } from './callbacks.ts'

const LIMIT = '16kb'

/** What Meta calls when a person removes our app or asks for the deletion of their data; a signature lets in. */
export function metaRoutes(on: Resources): Router {
  const router = Router()
  const form = express.urlencoded({ extended: false, limit: LIMIT, parameterLimit: 10 })
  router.post('/meta/data-deletion', access('meta'), form, async (req, res) => {
    const code = await deleteGrant(on, await callbackIn(on, req))
    res.json({ url: `${on.config.APP_URL}/deletion/${code}`, confirmation_code: code })
  })
  router.post('/meta/deauthorize', access('meta'), form, async (req, res) => {
    await deauthorize(on, await callbackIn(on, req))
    res.json({ success: true })
  })
  return router
}

/** One answer for everything that is wrong, so that nobody learns what exists here. */
async function callbackIn(on: Resources, req: Request): Promise<Callback> {
  const { signed_request } = (req.body ?? {}) as Record<string, unknown>
  const found = await readCallback(on, signed_request, req.query['app'])
  if (!found) throw new Refusal(400, 'not_signed', 'This is no signed request of Meta.')
  return found
}
