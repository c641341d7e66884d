import { Router, type Request, type Response } from 'express'
import { z } from 'zod'
import { access, whoOf } from '../http/access.ts'
import { EMPTY, inForm, type Shown } from '../http/form-page.ts'
import { readForm } from '../http/forms.ts'
import { showPage } from '../http/page.ts'
import { viewerOf } from '../http/viewer.ts'
import { isId } from '../ids.ts'
import { timesFor } from '../inbox/page.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { invite, listInvitations, withdraw } from './invitations.ts'
import { changeRole, listMembers, removeMember } from './members.ts'
import { mayManage, rolesUpTo } from './roles.ts'
import type { Throttles } from './throttle.ts'

const HOME = '/settings/members'
const role = z.enum(['owner', 'admin', 'agent'], 'Choose a role.')
const InviteForm = z.strictObject({
  email: z.string('Enter an e-mail.').min(1, 'Enter an e-mail.').max(1_000, 'This is too long.'),
  role,
})
const RoleForm = z.object({ role })
/** The box beside a button that cannot be undone. */
const SureForm = z.object({ sure: z.literal('1', 'Tick the box to go on.') })

/** /settings/members: who works here and as what, and invitations by link. */
export function memberRoutes(on: Resources, throttles: Throttles): Router {
  const router = Router()
  const show = async (req: Request, res: Response, shown: Shown & { link?: string }) => {
    const who = whoOf(req)
    showPage(res, 'accounts/members', {
      link: '',
      ...shown,
      members: await listMembers(on, who.org),
      invitations: await listInvitations(on, who.org),
      roles: rolesUpTo(who.role),
      times: timesFor(viewerOf(on, req)),
    })
  }
  router.get(HOME, access('admin'), (req, res) => show(req, res, EMPTY))
  router.post(
    `${HOME}/invitations`,
    access('admin', { sudo: true }),
    inForm(show, async (req, res) => {
      const form = readForm(InviteForm, req)
      const path = await invite(on, throttles, whoOf(req), form)
      res.status(201)
      await show(req, res, { ...EMPTY, link: on.config.APP_URL + path })
    }),
  )
  router.post(`${HOME}/invitations/:id/removal`, access('admin'), async (req, res) => {
    await withdraw(on, whoOf(req), idOf(req))
    res.redirect(303, HOME)
  })
  memberPages(router, on)
  return router
}

function memberPages(router: Router, on: Resources): void {
  const show = async (req: Request, res: Response, shown: Shown): Promise<void> => {
    const who = whoOf(req)
    const member = (await listMembers(on, who.org)).find(({ id }) => id === idOf(req))
    if (!member) throw notFound('member')
    const isChangeable = member.id !== who.user && mayManage(who.role, member.role)
    const roles = rolesUpTo(who.role)
    showPage(res, 'accounts/member', { ...shown, member, isChangeable, roles })
  }
  router.get(`${HOME}/:id`, access('admin'), (req, res) => show(req, res, EMPTY))
  router.post(
    `${HOME}/:id/role`,
    access('admin', { sudo: true }),
    inForm(show, async (req, res) => {
      await changeRole(on, whoOf(req), idOf(req), readForm(RoleForm, req).role)
      res.redirect(303, HOME)
    }),
  )
  router.post(
    `${HOME}/:id/removal`,
    access('admin', { sudo: true }),
    inForm(show, async (req, res) => {
      readForm(SureForm, req)
      await removeMember(on, whoOf(req), idOf(req))
      res.redirect(303, HOME)
    }),
  )
}

function idOf(req: Request): string {
  const { id } = req.params as { id: string }
  if (!isId(id)) throw notFound('member')
  return id
}
