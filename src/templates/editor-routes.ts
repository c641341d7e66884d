import { Router, type Request, type Response } from 'express'
import { z } from 'zod'
import { byPerson } from '../audit/audit.ts'
import { access, whoOf } from '../http/access.ts'
import { readForm } from '../http/forms.ts'
import { showPage } from '../http/page.ts'
import { idIn } from '../http/viewer.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { EMPTY_DRAFT, type Draft } from './draft.ts'
import { draftOf, isEditable } from './known-draft.ts'
import { previewOfDraft, readEditor, samplesOf } from './editor.ts'
import { createTemplate, deleteTemplate, editTemplate } from './managing.ts'
import { rowOf } from './page.ts'
import { getTemplate, type Template } from './templates.ts'

const HOME = '/templates'
type Params = { id: string }
const text = (max: number) => z.string().max(max).default('')
const BUTTONS = 10

/** Lengths are judged where the template is made, with a sentence for each. */
const Form = z.looseObject({
  waba: text(64),
  name: text(600).transform((name) => name.trim()),
  language: text(20),
  category: text(40),
  header: text(40),
  header_text: text(400),
  header_handle: text(2_000).transform((handle) => handle.trim()),
  body: text(8_000).transform((body) => body.replaceAll('\r\n', '\n').trim()),
  footer: text(400).transform((footer) => footer.trim()),
  advises: z.string().optional(),
  minutes: text(4),
})

/** Making, changing and removing templates at Meta, for admins. */
export function editorRoutes(on: Resources): Router {
  const router = Router()
  router.get(`${HOME}/new`, access('admin'), async (req, res) => {
    await show(on, req, res, { id: '', draft: EMPTY_DRAFT, waba: '', errors: {}, problem: '' })
  })
  router.post(HOME, access('admin'), async (req, res) => {
    const { draft, waba } = draftIn(req)
    const { org } = whoOf(req)
    await attempt(on, req, res, { id: '', draft, waba }, () =>
      createTemplate(on, { org, by: byPerson(whoOf(req)), waba }, draft),
    )
  })
  // What the browser asks for while somebody types: nothing is kept.
  router.post(`${HOME}/drafts/preview`, access('admin'), (req, res) => {
    res.render('templates/_preview', { preview: previewOfDraft(draftIn(req).draft), at: 'p' })
  })
  router.post(`${HOME}/drafts/samples`, access('admin'), (req, res) => {
    res.render('templates/_samples', { samples: samplesOf(draftIn(req).draft), errors: {} })
  })
  router.post(`${HOME}/drafts`, access('admin'), async (req, res) => {
    const { draft, waba, id } = draftIn(req)
    await show(on, req, res, { id, draft, waba, errors: {}, problem: '', more: true })
  })
  changes(router, on)
  return router
}

function changes(router: Router, on: Resources): void {
  router.get<Params>(`${HOME}/:id/edit`, access('admin'), async (req, res) => {
    const template = await templateOf(on, req)
    const draft = isEditable(template) ? draftOf(template) : undefined
    if (!draft) return res.redirect(303, `${HOME}/${template.id}`)
    const { id, waba_id: waba } = template
    await show(on, req, res, { id, draft, waba, errors: {}, problem: '' })
  })
  router.post<Params>(`${HOME}/:id/parts`, access('admin'), async (req, res) => {
    const { id, waba_id: waba, name, language } = await templateOf(on, req)
    const draft = { ...draftIn(req).draft, name, language }
    const { org } = whoOf(req)
    await attempt(on, req, res, { id, draft, waba }, async () => {
      await editTemplate(on, { org, by: byPerson(whoOf(req)), id }, draft)
      return id
    })
  })
  router.get<Params>(`${HOME}/:id/delete`, access('admin'), async (req, res) => {
    showPage(res, 'templates/delete', { template: rowOf(await templateOf(on, req)), problem: '' })
  })
  router.post<Params>(`${HOME}/:id/removal`, access('admin'), async (req, res) => {
    const template = await templateOf(on, req)
    try {
      await deleteTemplate(on, { org: whoOf(req).org, by: byPerson(whoOf(req)), id: template.id })
      res.redirect(303, HOME)
    } catch (error) {
      if (!(error instanceof Refusal) || error.status >= 500) throw error
      res.status(error.status)
      showPage(res, 'templates/delete', { template: rowOf(template), problem: error.message })
    }
  })
}

/** Another organization's template and one that never was are the same 404. */
async function templateOf(on: Resources, req: Request<Params>): Promise<Template> {
  const { org } = whoOf(req)
  const id = idIn(req.params.id, 'template')
  const found = await on.db.withTenant(org, (tx) => getTemplate(tx, org, id))
  if (!found) throw notFound('template')
  return found
}

type Editing = { id: string; draft: Draft; waba: string }

/** On to the template's page, or the form again with what was typed and what is wrong with it. */
async function attempt(
  on: Resources,
  req: Request,
  res: Response,
  ...[editing, run]: [Editing, () => Promise<string>]
): Promise<void> {
  try {
    res.redirect(303, `${HOME}/${await run()}`)
  } catch (error) {
    if (!(error instanceof Refusal) || error.status >= 500 || error.status === 404) throw error
    res.status(error.status)
    await show(on, req, res, { ...editing, errors: error.fields, problem: error.message })
  }
}

async function show(
  on: Resources,
  req: Request,
  res: Response,
  shown: Parameters<typeof readEditor>[2],
): Promise<void> {
  const { org } = whoOf(req)
  showPage(res, 'templates/editor', await on.db.withTenant(org, (tx) => readEditor(tx, org, shown)))
}

function draftIn(req: Request): Editing {
  const { waba, advises, ...form } = readForm(Form, req)
  const given = (name: string): string => (typeof form[name] === 'string' ? form[name].trim() : '')
  const buttons = Array.from({ length: BUTTONS }, (_none, n) => ({
    type: given(`button_type_${n}`),
    text: given(`button_text_${n}`),
    value: given(`button_value_${n}`),
  })).filter(({ type }) => type !== '')
  const samples = Object.keys(form)
    .filter((name) => name.startsWith('sample.'))
    .map((name) => [name.slice('sample.'.length), given(name)] as const)
  const { name, language, category, header, header_text, header_handle, body, footer, minutes } =
    form
  const words = {
    name,
    language,
    category,
    header,
    header_text,
    header_handle,
    body,
    footer,
    minutes,
  }
  const draft = { ...words, buttons, samples: new Map(samples), advises: advises !== undefined }
  return { id: given('id'), draft, waba }
}
