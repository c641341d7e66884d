import { Router, type Request, type Response } from 'express'
import { choiceRoutes } from '../choices/routes.ts'
import { access } from '../http/access.ts'
import { showPage } from '../http/page.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { inventoryRoutes } from './inventory-routes.ts'
import { diffTexts, type Passage } from './policy-diff.ts'
import { hasBegun, inWords, openPolicy, type Policy } from './policy-versions.ts'
import { blocksOf } from './policy.ts'
import { heldRoutes } from './held-routes.ts'
import { privacySettingsRoutes } from './settings-routes.ts'

/** The policy and its versions, its settings, and the data inventory. */
export function privacyRoutes(on: Resources): Router {
  const router = Router()
  router.use(policyRoutes(on))
  router.use(inventoryRoutes(on))
  router.use(privacySettingsRoutes(on))
  router.use(choiceRoutes(on))
  router.use(heldRoutes(on))
  return router
}

/**
 * GET /privacy: the policy in force verbatim, as a page or, for `Accept: text/plain`, as its very bytes;
 * /privacy/versions names all versions, /privacy/:version answers one of them, /privacy/diff/:a/:b what changed between two.
 */
export function policyRoutes(on: Resources, policy: Policy = openPolicy()): Router {
  const router = Router()
  const show = (req: Request, res: Response, id: string): void => {
    const text = policy.textOf(id)
    if (text === undefined) throw unknownVersion()
    if (wantsText(req, res)) res.type('text/plain').send(text)
    else
      showPage(res, 'privacy/policy', {
        blocks: blocksOf(text),
        isAddressed: text.includes(on.config.PRIVACY_CONTACT),
      })
  }
  router.get('/privacy', access('public'), (req, res) =>
    show(req, res, policy.inForce(on.now()).id),
  )
  router.get('/privacy/versions', access('public'), (_req, res) =>
    showPage(res, 'privacy/versions', { versions: listOf(policy, on.now()) }),
  )
  const diff = openDiff(policy)
  router.get('/privacy/diff/:a/:b', access('public'), (req, res) => {
    const { a, b } = req.params as { a: string; b: string }
    const found = diff(a, b)
    if (wantsText(req, res)) res.type('text/plain').send(asText(found.passages))
    else showPage(res, 'privacy/diff', found)
  })
  router.get('/privacy/:version', access('public'), (req: Request<{ version: string }>, res) =>
    show(req, res, req.params.version),
  )
  return router
}

/** True when the bytes are wanted in place of the page. */
function wantsText(req: Request, res: Response): boolean {
  res.vary('Accept')
  return req.accepts(['html', 'text']) === 'text'
}

/** The newest first, each with what it is at `now`. */
function listOf(policy: Policy, now: Date): object[] {
  const current = policy.inForce(now)
  return policy.versions.toReversed().map((version) => ({
    version,
    date: inWords(version.effectiveOn),
    state: stateOf(version === current, hasBegun(version, now)),
    before: policy.versions[policy.versions.indexOf(version) - 1]?.id,
  }))
}

function stateOf(isCurrent: boolean, begun: boolean): string {
  if (isCurrent) return 'In force'
  return begun ? 'Earlier' : 'To come'
}

const unknownVersion = (): Refusal =>
  new Refusal(404, 'not_found', 'There is no version of the privacy policy by this name.')

type Diff = { earlier: object; later: object; passages: Passage[]; isChanged: boolean }

/** Versions never change, so each pair is compared once. */
function openDiff(policy: Policy): (a: string, b: string) => Diff {
  const known = new Map<string, Passage[]>()
  return (a, b) => {
    const [earlier, later] = [a, b].map((id) => policy.versions.find((one) => one.id === id))
    const [from, to] = [policy.textOf(a), policy.textOf(b)]
    if (!earlier || !later || from === undefined || to === undefined) throw unknownVersion()
    const passages = known.get(`${a}/${b}`) ?? diffTexts(from, to)
    known.set(`${a}/${b}`, passages)
    const isChanged = passages.some((passage) => passage.some(({ kind }) => kind !== 'same'))
    const dated = (version: typeof earlier) => ({ ...version, date: inWords(version.effectiveOn) })
    return { earlier: dated(earlier), later: dated(later), passages, isChanged }
  }
}

const MARKS = { same: ['', ''], gone: ['[-', '-]'], new: ['{+', '+}'] } as const

/** One paragraph a line, in the marks of a word diff. */
const asText = (passages: Passage[]): string =>
  passages
    .map((passage) =>
      passage.map(({ kind, text }) => MARKS[kind][0] + text + MARKS[kind][1]).join(' '),
    )
    .join('\n\n')
    .concat('\n')
