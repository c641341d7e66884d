import { Router } from 'express'
import { access } from '../http/access.ts'
import { bearer } from '../http/bearer.ts'
import { keyLimits } from '../http/key-limits.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { mountCalls } from './calls-routes.ts'
import type { Call } from './calls.ts'
import { connectionCalls } from './connections.ts'
import { contactCalls } from './contacts.ts'
import { conversationCalls } from './conversations.ts'
import { eventCalls } from './events.ts'
import { mediaCalls } from './media.ts'
import { messageCalls } from './messages.ts'
import { describeApi } from './openapi.ts'
import { templateCalls } from './templates.ts'

/** All calls, in the order the documentation shows them. */
export const CALLS: Call[] = [
  ...conversationCalls,
  ...messageCalls,
  ...mediaCalls,
  ...contactCalls,
  ...connectionCalls,
  ...templateCalls,
  ...eventCalls,
]

/** API v1, for programs with a bearer key. */
export function apiRoutes(on: Resources): Router {
  const router = Router()
  const description = JSON.stringify(describeApi(CALLS, on.config.APP_URL))
  router.get('/openapi.json', access('public'), (_req, res) => {
    res.type('application/json').send(description)
  })
  router.use(bearer(on))
  router.use(keyLimits())
  router.use(mountCalls(on, CALLS))
  router.use((_req, _res, next) => next(notFound('resource')))
  return router
}
