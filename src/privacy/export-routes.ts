import { guardExports } from '../abuse/export-bursts.ts'
import { Router, type Request, type Response } from 'express'
import { access, whoOf } from '../http/access.ts'
import { sendDownload } from '../http/download.ts'
import { showPage, wantsFragment } from '../http/page.ts'
import { viewerOf } from '../http/viewer.ts'
import { isId } from '../ids.ts'
import { timesFor } from '../inbox/page.ts'
import type { Times } from '../inbox/times.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { fetchExport, isReady, MOST_DOWNLOADS } from './export-download.ts'
import { listExports, listOwnExports, type Listed } from './export-shelf.ts'
import { requestExport, type Export } from './exports.ts'

const ORGANIZATION = '/settings/privacy/exports'
const PERSON = '/settings/profile/exports'

/** Exports of the organization and of its contacts for admins, of oneself for everybody. */
export function exportRoutes(on: Resources): Router {
  const router = Router()
  router.get(ORGANIZATION, access('admin'), async (req, res) => {
    const found = await listExports(on, whoOf(req).org)
    show(on, req, res, { view: 'organization', home: ORGANIZATION, found })
  })
  router.post(ORGANIZATION, access('admin'), async (req, res) => {
    const { org, user } = whoOf(req)
    await guardExports(on, { org, user })
    await requestExport(on, { kind: 'org', org }, user)
    res.redirect(303, ORGANIZATION)
  })
  router.post('/contacts/:id/exports', access('admin'), async (req, res) => {
    const { org, user } = whoOf(req)
    await guardExports(on, { org, user })
    await requestExport(on, { kind: 'contact', org, id: idOf(req, 'contact') }, user)
    res.redirect(303, ORGANIZATION)
  })
  router.post(`${ORGANIZATION}/confirmation`, access('admin', { sudo: true }), (_req, res) =>
    res.redirect(303, ORGANIZATION),
  )
  router.post(`${ORGANIZATION}/:id/downloads`, access('admin', { sudo: true }), (req, res) =>
    send(on, req, res, whoOf(req).org),
  )
  personRoutes(router, on)
  return router
}

function personRoutes(router: Router, on: Resources): void {
  router.get(PERSON, access('user'), async (req, res) => {
    const found = await listOwnExports(on, whoOf(req).user)
    show(on, req, res, { view: 'person', home: PERSON, found })
  })
  router.post(PERSON, access('user'), async (req, res) => {
    const { org, user } = whoOf(req)
    await guardExports(on, { org, user })
    await requestExport(on, { kind: 'user', id: user }, user)
    res.redirect(303, PERSON)
  })
  router.post(`${PERSON}/confirmation`, access('user', { sudo: true }), (_req, res) =>
    res.redirect(303, PERSON),
  )
  router.post(`${PERSON}/:id/downloads`, access('user', { sudo: true }), (req, res) =>
    send(on, req, res, null),
  )
}

async function send(on: Resources, req: Request, res: Response, of: string | null): Promise<void> {
  const id = idOf(req, 'export')
  const { name, bytes } = await fetchExport(on, whoOf(req), { id, of })
  req.log.info({ export: id }, 'export fetched')
  await sendDownload(res, name, async (sink) => {
    for await (const part of bytes) await sink(part)
  })
}

type Shelf = { view: 'organization' | 'person'; home: string; found: (Export & Partial<Listed>)[] }

/** While one is being made the page asks for its list again and again. */
function show(on: Resources, req: Request, res: Response, { view, home, found }: Shelf): void {
  const times = timesFor(viewerOf(on, req))
  const { user } = whoOf(req)
  showPage(res, wantsFragment(req) ? 'privacy/_exports' : 'privacy/exports', {
    view,
    home,
    hours: on.config.EXPORT_HOURS,
    most: MOST_DOWNLOADS,
    isBusy: found.some(isUnderWay),
    exports: found.map((each) => shown(on, each, { times, user })),
  })
}

const isUnderWay = ({ state }: Export): boolean => state === 'pending' || state === 'running'

function shown(on: Resources, each: Shelf['found'][number], by: { times: Times; user: string }) {
  const { id, kind, state, done, total, records } = each
  return {
    id,
    what: { org: 'Everything', contact: 'One contact', user: 'About you' }[kind],
    askedBy: each.asked_by ?? 'Somebody who left',
    at: by.times.full(each.created_at),
    until: by.times.full(each.expires_at),
    isMine: each.requested_by === by.user,
    isReady: isReady(on, each),
    state: state === 'ready' && !isReady(on, each) ? 'expired' : state,
    isUsedUp: each.downloads >= MOST_DOWNLOADS,
    left: MOST_DOWNLOADS - each.downloads,
    done,
    total,
    count: Object.values(records ?? {}).reduce((sum, n) => sum + n, 0),
  }
}

function idOf(req: Request, what: string): string {
  const { id } = req.params as { id: string }
  if (!isId(id)) throw notFound(what)
  return id
}
