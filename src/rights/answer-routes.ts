import { Router, type Request, type Response } from 'express'
import { z } from 'zod'
import { access, whoOf } from '../http/access.ts'
import { EMPTY, inForm, type Shown } from '../http/form-page.ts'
import { readForm } from '../http/forms.ts'
import { showPage } from '../http/page.ts'
import type { Resources } from '../resources.ts'
import { approveAnswer, isLanguage, listAnswers, withdrawAnswer, type Approved } from './answers.ts'
import { LANGUAGES, wordsOf, type Language } from './keywords.ts'
import { proposalFor } from './proposals.ts'
import { SAYS } from './vocabulary.ts'

const HOME = '/settings/privacy/answers'
const languages = z.enum(Object.keys(LANGUAGES) as [Language, ...Language[]])
/** What a keyword opens; the word to stop opens nothing, and is done when it is read. */
const ASKS = ['question', 'access', 'export', 'correct', 'erase', 'restrict'] as const
const Which = z.object({ kind: z.enum(ASKS), language: languages })
const Approval = Which.extend({ body: z.string('Write the answer.') })

/** /settings/privacy/answers: what is said in the organization's name when a customer sends a keyword. */
export function answerRoutes(on: Resources): Router {
  const router = Router()
  const show = async (req: Request, res: Response, shown: Shown): Promise<void> => {
    const { org } = whoOf(req)
    const asked = shown.values['language'] ?? req.query['language']
    const language = isLanguage(asked) ? asked : 'en'
    const approved = await on.db.withTenant(org, (tx) => listAnswers(tx, org))
    showPage(res, 'rights/answers', {
      ...shown,
      language,
      languages: Object.entries(LANGUAGES),
      answers: ASKS.map((kind) => answerOf(kind, language, approved)),
      saved: req.query['saved'] === '1',
    })
  }
  const back = (language: string): string => `${HOME}?language=${language}&saved=1`
  router.get(HOME, access('admin'), (req, res) => show(req, res, EMPTY))
  router.post(
    HOME,
    access('admin'),
    inForm(show, async (req, res) => {
      const approval = readForm(Approval, req)
      await approveAnswer(on, whoOf(req), approval)
      res.redirect(303, back(approval.language))
    }),
  )
  router.post(
    `${HOME}/removal`,
    access('admin'),
    inForm(show, async (req, res) => {
      const which = readForm(Which, req)
      await withdrawAnswer(on, whoOf(req), which)
      res.redirect(303, back(which.language))
    }),
  )
  return router
}

function answerOf(kind: (typeof ASKS)[number], language: Language, approved: Approved[]) {
  const own = approved.find((one) => one.kind === kind && one.language === language)
  return {
    kind,
    title: SAYS[kind],
    keywords: wordsOf(kind, language).map((word) => word.toUpperCase()),
    isOn: own !== undefined,
    body: own?.body ?? proposalFor(kind, language),
  }
}
