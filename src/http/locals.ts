import type { Request, RequestHandler } from 'express'
import { readBanner, type Banner } from '../announcements/banner.ts'
import { openDeletion } from '../deletions/deletion.ts'
import { grantFor, type Active } from '../support/access.ts'
import { unreadCount } from '../inbox/conversations.ts'
import type { Resources } from '../resources.ts'
import { wantsFragment } from './page.ts'

/** What every view may use. `req.query` and `req.body` never reach a view whole: EJS reads its options from there. */
export function pageLocals(on: Resources, asset: (name: string) => string): RequestHandler {
  return async (req, res, next) => {
    Object.assign(res.locals, {
      asset,
      who: req.who,
      path: req.path,
      lang: 'en',
      theme: themeOf(req),
      density: req.who?.preferences.density ?? '',
      sandbox: on.config.SANDBOX,
      isOps: req.who?.isOps ?? false,
      privacyContact: on.config.PRIVACY_CONTACT,
      unread: await waiting(on, req),
      ...(await standing(on, req)),
      now: on.now(),
    })
    next()
  }
}

/** The badge of the rail, which is on whole pages only. */
async function waiting(on: Resources, req: Request): Promise<number> {
  const { who } = req
  if (!who || req.method !== 'GET' || wantsFragment(req)) return 0
  return on.db.withTenant(who.org, (tx) => unreadCount(tx, who.org))
}

type Standing = {
  deletedOn: string
  banner: Banner | undefined
  supportAccess: Active | undefined
}

/**
 * What stands above a whole page: the day from which an organization that is going to be deleted cannot be kept any more
 * ('' for all others), what was announced and not put away, and that support may look in.
 */
async function standing(on: Resources, req: Request): Promise<Standing> {
  const { who } = req
  if (!who || req.method !== 'GET' || wantsFragment(req))
    return { deletedOn: '', banner: undefined, supportAccess: undefined }
  const { user, org } = who
  return on.db.withSystem(async (tx) => ({
    deletedOn: (await openDeletion(tx, org))?.grace_until?.toISOString().slice(0, 10) ?? '',
    banner: await readBanner(tx, { user, now: on.now() }),
    supportAccess: await grantFor(tx, org, on.now()),
  }))
}

/** What the person chose; for whoever is not signed in what this browser was told. '' follows the system. */
function themeOf(req: Request): string {
  if (req.who) return req.who.preferences.theme ?? ''
  return /(?:^|;\s*)theme=(light|dark)(?:;|$)/.exec(req.get('cookie') ?? '')?.[1] ?? ''
}
