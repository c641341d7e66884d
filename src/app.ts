import path from 'node:path'
import express, { type Express } from 'express'
import { abuseRoutes } from './abuse/routes.ts'
import { accountRoutes } from './accounts/routes.ts'
import { announcementRoutes } from './announcements/routes.ts'
import { oneClickRoutes } from './announcements/way-out-routes.ts'
import { apiKeyRoutes } from './api/keys-routes.ts'
import { apiRoutes } from './api/routes.ts'
import { auditRoutes } from './audit/routes.ts'
import { connectionRoutes } from './connections/routes.ts'
import { contactRoutes } from './contacts/routes.ts'
import { deletionRoutes } from './deletions/routes.ts'
import { access } from './http/access.ts'
import { openAssets } from './http/assets.ts'
import { answerError, missing } from './http/errors.ts'
import { formBodies } from './http/forms.ts'
import { httpsOnly, securityHeaders } from './http/headers.ts'
import { healthRoutes } from './http/health.ts'
import { pageLocals } from './http/locals.ts'
import type { Metrics } from './http/metrics.ts'
import { sameOrigin } from './http/origin.ts'
import { requestLog } from './http/request.ts'
import { requestPace } from './http/request-pace.ts'
import { hasSessionCookie, sessions } from './http/session.ts'
import { askConfirmation, takeConfirmation } from './http/sudo.ts'
import { countUse } from './http/usage.ts'
import { disclosureRoutes } from './disclosures/routes.ts'
import { incidentRoutes } from './incidents/routes.ts'
import { inboxRoutes } from './inbox/routes.ts'
import { mediaRoutes } from './media/routes.ts'
import { metaRoutes } from './meta/routes.ts'
import { disconnectRoutes } from './meta/settings-routes.ts'
import { opsRoutes } from './ops/routes.ts'
import { processorRoutes } from './processors/routes.ts'
import { exportRoutes } from './privacy/export-routes.ts'
import { privacyRoutes } from './privacy/routes.ts'
import type { Resources } from './resources.ts'
import { rightsRoutes } from './rights/routes.ts'
import { ROOT } from './root.ts'
import { sandboxRoutes } from './sandbox/routes.ts'
import { trustRoutes } from './trust/routes.ts'
import { supportRoutes } from './support/routes.ts'
import { editorRoutes } from './templates/editor-routes.ts'
import { pickerRoutes } from './templates/picker-routes.ts'
import { templateRoutes } from './templates/routes.ts'
import { usageRoutes } from './usage/routes.ts'
import type { WebhookHandler } from './webhooks/handler.ts'

/** What the application shares with the listener in front of it. */
export type Shared = { metrics: Metrics; webhooks: WebhookHandler }

/** The web application: what needs no session first, then what people see. */
export function createApp(on: Resources, { metrics, webhooks }: Shared): Express {
  const app = express()
  const assets = openAssets()
  app.disable('x-powered-by')
  app.set('trust proxy', on.config.TRUST_PROXY)
  app.set('query parser', 'simple')
  app.set('view engine', 'ejs')
  app.set('view cache', on.config.NODE_ENV !== 'development')
  // A list, because EJS looks up includes by their path from here only in lists.
  app.set('views', [path.join(ROOT, 'views')])

  app.use(requestLog(on.log))
  app.use(metrics.count)
  app.use(securityHeaders(on.config.APP_URL))
  app.all(['/webhooks/whatsapp', '/webhooks/whatsapp/:connectionId'], access('meta'), webhooks)
  app.use(httpsOnly(on))
  app.use(assets.routes)
  app.use(healthRoutes(on, metrics))
  app.use('/api/v1', apiRoutes(on))

  app.use(metaRoutes(on))
  app.use(oneClickRoutes(on))
  app.use(sameOrigin(on.config.APP_URL, hasSessionCookie))
  app.use(sessions(on))
  app.use(requestPace(on))
  app.use(countUse(on))
  app.use(formBodies())
  app.use(pageLocals(on, assets.asset))
  app.use(takeConfirmation(on))
  mountPages(app, on)
  app.use(missing)
  app.use(askConfirmation(on))
  app.use(answerError)
  return app
}

/** What people see, in reading order. */
function mountPages(app: Express, on: Resources): void {
  app.use(inboxRoutes(on))
  app.use(mediaRoutes(on))
  app.use(deletionRoutes(on))
  app.use(contactRoutes(on))
  app.use(editorRoutes(on))
  app.use(templateRoutes(on))
  app.use(pickerRoutes(on))
  app.use(accountRoutes(on))
  app.use(abuseRoutes(on))
  app.use(announcementRoutes(on))
  app.use(supportRoutes(on))
  app.use(incidentRoutes(on))
  app.use(disclosureRoutes(on))
  app.use(auditRoutes(on))
  app.use(connectionRoutes(on))
  app.use(disconnectRoutes(on))
  app.use(apiKeyRoutes(on))
  app.use(rightsRoutes(on))
  app.use(privacyRoutes(on))
  app.use(processorRoutes(on))
  app.use(trustRoutes(on))
  app.use(usageRoutes(on))
  app.use(exportRoutes(on))
  app.use(opsRoutes(on))
  if (on.config.SANDBOX) app.use('/sandbox', sandboxRoutes(on))
}
