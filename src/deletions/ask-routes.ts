import { Router, type Request, type Response } from 'express'
import { z } from 'zod'
import type { Throttles } from '../accounts/throttle.ts'
import { access } from '../http/access.ts'
import { EMPTY, inForm, type Shown } from '../http/form-page.ts'
import { readForm } from '../http/forms.ts'
import { showNotice, type Notice } from '../http/notice.ts'
import { showPage } from '../http/page.ts'
import type { Resources } from '../resources.ts'
import { askDeletion, confirmDeletion, findWaiting } from './confirm.ts'
import { solelyOwned } from './owners.ts'

const AskForm = z.object({
  email: z
    .string('Enter your e-mail.')
    .min(1, 'Enter your e-mail.')
    .max(1_000, 'This is too long.'),
})
const SureForm = z.object({
  sure: z.literal('1', 'Tick the box to go on.'),
  organizations: z.literal('1').optional(),
})
type Link = { token: string }

/** Said whether the address has an account or not. */
const onItsWay = (days: number): Notice => ({
  status: 200,
  title: 'Check your mail',
  lines: [
    `If this address has an account, a link to confirm its deletion is on its way. It works for ${days} days, and nothing is deleted without it.`,
    'Nothing there? Look among the unwanted mail. If you asked before, the first link still works.',
  ],
  link: { href: '/privacy', text: 'To the privacy policy' },
})
const USED: Notice = {
  status: 410,
  title: 'This link does not work any more',
  lines: [
    'It was used already, was taken back, or has run out. Nothing was removed by it.',
    'If you still want your account to be deleted, ask again.',
  ],
  link: { href: '/deletion', text: 'Ask again' },
}

/** Deleting an account without signing in: /deletion asks by mail, /deletion/confirm/:token begins it. */
export function askDeletionRoutes(on: Resources, throttles: Throttles): Router {
  const router = Router()
  const showAsk = (_req: Request, res: Response, shown: Shown): void =>
    showPage(res, 'deletions/ask', shown)
  const showSure = async (req: Request, res: Response, shown: Shown): Promise<void> => {
    res.set({ 'X-Robots-Tag': 'noindex', 'Referrer-Policy': 'no-referrer' })
    const waiting = await findWaiting(on, (req.params as Link).token)
    if (!waiting) return showNotice(res, USED)
    const organizations = await solelyOwned(on, waiting.subject_id)
    const days = on.config.DELETION_GRACE_DAYS
    showPage(res, 'deletions/sure', { ...shown, organizations, days, waiting })
  }
  router.get('/deletion', access('public'), (req, res) => showAsk(req, res, EMPTY))
  router.post(
    '/deletion',
    access('public'),
    inForm(showAsk, async (req, res) => {
      await askDeletion(on, throttles, readForm(AskForm, req).email)
      showNotice(res, onItsWay(on.config.DELETION_CONFIRM_DAYS))
    }),
  )
  router.get('/deletion/confirm/:token', access('public'), (req, res) => showSure(req, res, EMPTY))
  router.post(
    '/deletion/confirm/:token',
    access('public'),
    inForm(showSure, async (req, res) => {
      const { organizations } = readForm(SureForm, req)
      const { token } = req.params as Link
      const code = await confirmDeletion(on, token, { withOrganizations: organizations === '1' })
      res.redirect(303, `/deletion/${code}`)
    }),
  )
  return router
}
