import { randomInt } from 'node:crypto'
import {
  blanksIn,
  partsOf,
  readComponents,
  samplesOf,
  type Component,
  type Parts,
} from '../templates/components.ts'
import { tell } from './delivery.ts'
import { badParameter, templateRefused, unknownObject } from './graph-refusals.ts'
import type { Line, Sandbox } from './state.ts'
import { ShelfTemplate } from './template-shelf.ts'
import { templateWebhook } from './wire-format.ts'

type Fields = Record<string, unknown>

/** How long Meta looks at a template here, in milliseconds. */
const REVIEW_MS = 1_000

/** `POST /{waba-id}/message_templates`: taken for review. Throws GraphRefusal as Meta's checks would. */
export function createOnShelf(box: Sandbox, line: Line, id: string, body: Fields): object {
  if (id !== line.wabaId) throw unknownObject()
  const made = draftIn(body)
  if (line.templates.some((one) => one.name === made.name && one.language === made.language))
    throw templateRefused(2_388_024, 'There is already content in this language for this template.')
  line.templates.push(made)
  review(box, line, made)
  return { id: made.id, status: made.status, category: made.category }
}

/** `POST /{template-id}`: its parts as a whole, and its category while it is not approved. */
export function editOnShelf(box: Sandbox, line: Line, id: string, body: Fields): object {
  const known = line.templates.find((one) => one.id === id)
  if (!known) throw unknownObject()
  if (!['APPROVED', 'REJECTED', 'PAUSED'].includes(known.status))
    throw templateRefused(2_388_039, 'A template in review cannot be edited.')
  const changed = draftIn({ ...known, ...body, status: undefined })
  if (known.status === 'APPROVED' && changed.category !== known.category)
    throw templateRefused(2_388_094, 'The category of an approved template cannot be changed.')
  Object.assign(known, { components: changed.components, category: changed.category })
  review(box, line, known)
  return { success: true }
}

/** `DELETE /{waba-id}/message_templates`: all languages of a name, or the one that `hsm_id` names. */
export function deleteFromShelf(box: Sandbox, line: Line, id: string, query: Fields): object {
  if (id !== line.wabaId) throw unknownObject()
  const { name, hsm_id: only } = query
  const doomed = line.templates.filter(
    (one) => one.name === name && (only === undefined || one.id === only),
  )
  if (doomed.length === 0) throw badParameter('There is no template of this name.')
  if (doomed.some(({ status }) => status === 'DISABLED'))
    throw templateRefused(2_388_039, 'A template that was switched off cannot be deleted.')
  line.templates = line.templates.filter((one) => !doomed.includes(one))
  for (const one of doomed) report(box, line, one, 'DELETED')
  box.changed(line.org)
  return { success: true }
}

/** What was looked at when the stand-in was last closed is looked at again. */
export function resumeReviews(box: Sandbox, line: Line): void {
  const waiting = line.templates.filter(({ isNew, status }) => isNew && status === 'PENDING')
  for (const template of waiting) review(box, line, template)
}

/** Decided after a moment: approved, or rejected where the words ask for that. */
function review(box: Sandbox, line: Line, template: ShelfTemplate): void {
  Object.assign(template, { status: 'PENDING', isNew: true, rejected_reason: 'NONE' })
  box.changed(line.org)
  box.later(`review-${template.id}`, REVIEW_MS, () => {
    if (box.isClosed() || !line.templates.includes(template)) return
    const isRefused = /reject me/i.test(JSON.stringify(template.components))
    template.status = isRefused ? 'REJECTED' : 'APPROVED'
    template.rejected_reason = isRefused ? 'INVALID_FORMAT' : 'NONE'
    template.isNew = false
    report(box, line, template, template.status)
    box.changed(line.org)
  })
}

function report(box: Sandbox, line: Line, template: ShelfTemplate, event: string): void {
  const webhook = templateWebhook(line, template, event, box.on.now().getTime())
  tell(box, line, { webhook, about: `message_template_status_update · ${event.toLowerCase()}` })
}

/** A template as it was asked for. Source: WhatsApp Business Management API, creating templates and their limits. */
function draftIn(body: Fields): ShelfTemplate {
  const category = typeof body['category'] === 'string' ? body['category'].toUpperCase() : ''
  const parsed = ShelfTemplate.safeParse({
    parameter_format: 'POSITIONAL',
    ...body,
    category,
    id: typeof body['id'] === 'string' ? body['id'] : newTemplateId(),
    status: 'PENDING',
    quality: 'UNKNOWN',
    rejected_reason: 'NONE',
  })
  if (!parsed.success)
    throw badParameter(`Parameter ${parsed.error.issues[0]?.path.join('.')} is not valid.`)
  if (!/^[a-z0-9_]{1,512}$/.test(parsed.data.name))
    throw badParameter('The name has small letters, digits and underscores only.')
  if (!['MARKETING', 'UTILITY', 'AUTHENTICATION'].includes(category))
    throw badParameter('Parameter category is not valid.')
  checkWords(parsed.data)
  return parsed.data
}

const newTemplateId = (): string => String(randomInt(1_000_000_000, 9_000_000_000)) + '00042'

function checkWords({ components, category }: ShelfTemplate): void {
  if (category === 'AUTHENTICATION') return
  const parts = partsOf(readComponents(components))
  const fault = FAULTS.find(([, , isBroken]) => isBroken(parts))
  if (fault) throw templateRefused(fault[0], fault[1])
}

const isLonger = (part: Component | undefined, most: number): boolean =>
  (part?.text ?? '').length > most
const lacksSample = (part: Component | undefined): boolean => {
  const given = samplesOf(part)
  return blanksIn(part?.text).some((name) => !given.get(name))
}

/** By their subcode, as far as people meet them. */
const FAULTS: readonly (readonly [number, string, (parts: Parts) => boolean])[] = [
  [2_388_072, 'The body is missing.', ({ body }) => !body?.text],
  [
    2_388_040,
    'A part of the template is longer than its limit.',
    ({ header, body, footer }) =>
      isLonger(body, 1_024) || isLonger(header, 60) || isLonger(footer, 60),
  ],
  [
    2_388_299,
    'Variables can’t be at the start or end of the template.',
    ({ body }) => /^\s*\{\{|\}\}\s*$/.test(body?.text ?? ''),
  ],
  [
    2_388_043,
    'An example is missing for at least one variable.',
    ({ header, body }) => lacksSample(header) || lacksSample(body),
  ],
]
