import { Router, type Request, type Response } from 'express'
import { z } from 'zod'
import { openThrottles } from '../accounts/throttle.ts'
import { access } from '../http/access.ts'
import { EMPTY, inForm, type Shown } from '../http/form-page.ts'
import { readForm } from '../http/forms.ts'
import { showPage, wantsJson } from '../http/page.ts'
import { sourceOf } from '../http/source.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { askByForm } from './contact.ts'
import { REMEDY } from './letters.ts'
import { readReceipt } from './receipt.ts'
import { KINDS, SAYS } from './vocabulary.ts'

const HOME = '/privacy/contact'
/** A name stands on one line, whatever was typed. */
export const oneLine = (longest: number) =>
  z
    .string()
    .max(longest, `Use at most ${longest} characters.`)
    .transform((text) => text.replace(/\s+/g, ' ').trim())
const ContactForm = z.object({
  name: oneLine(200).default(''),
  email: z.string('Enter an e-mail address.').max(1_000, 'This is too long.'),
  kind: z.enum(KINDS, 'Choose what it is about.'),
  text: z
    .string('Write what you would like to ask.')
    .trim()
    .min(1, 'Write what you would like to ask.')
    .max(10_000, 'Use at most 10,000 characters.'),
})

/** What each kind asks for, in the words of whoever asks. */
export const WISHES: readonly (readonly [kind: string, words: string])[] = [
  ['question', 'A question about privacy'],
  ['access', 'See the data kept about me'],
  ['correct', 'Correct something about me'],
  ['erase', 'Delete my account or my data'],
  ['object', 'Object to a use of my data'],
  ['restrict', 'Restrict the use of my data'],
  ['export', 'Get my data in a portable format'],
]

/** /privacy/contact: a question or request without signing in; /privacy/requests/:code: how far it is. */
export function contactRoutes(on: Resources): Router {
  const router = Router()
  const throttles = openThrottles(on)
  const show = (_req: Request, res: Response, shown: Shown): void =>
    showPage(res, 'rights/contact', { ...shown, wishes: WISHES })
  router.get(HOME, access('public'), (req, res) => show(req, res, EMPTY))
  router.post(
    HOME,
    access('public'),
    inForm(show, async (req, res) => {
      const written = readForm(ContactForm, req)
      const { code } = await askByForm(on, throttles, written, sourceOf(req).ip)
      res.redirect(303, `/privacy/requests/${code}`)
    }),
  )
  router.get('/privacy/requests/:code', access('public'), async (req, res) => {
    res.set({ 'X-Robots-Tag': 'noindex', 'Referrer-Policy': 'no-referrer' }).vary('Accept')
    const code = String(req.params['code'])
    const receipt = /^[A-Za-z0-9_-]{32}$/.test(code) ? await readReceipt(on, code) : undefined
    if (!receipt) throw notFound('request')
    if (wantsJson(req)) res.json(receipt)
    else showPage(res, 'rights/receipt', { receipt, says: SAYS, remedy: REMEDY })
  })
  return router
}
