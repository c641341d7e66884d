import { z } from 'zod'
import { audit, type AuditActor } from '../audit/audit.ts'
import { readGraph, type Failure } from '../connections/graph-answer.ts'
import { explainCode } from '../connections/verdict.ts'
import { rows, type Tx } from '../db.ts'
import type { GraphCall } from '../egress.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import type { Secret } from '../secret.ts'
import { wantedOf, type Draft } from './draft.ts'
import { isEditable } from './known-draft.ts'
import { faultsIn } from './draft-faults.ts'
import { tokenFor } from './listing.ts'
import { storeListed } from './sync.ts'
import { askSync } from './syncs.ts'
import { getTemplate, type Template } from './templates.ts'

const TIMEOUT_MS = 20_000
const Made = z.object({
  id: z.coerce.string(),
  status: z.string().default('PENDING'),
  category: z.string().optional(),
})
const Done = z.object({ success: z.boolean() })

type At = { org: string; by: AuditActor }

/**
 * Make a template at Meta, which then looks at it. Answers its id here. Throws Refusal 422 with a sentence for each field
 * that Meta would not take, or with what Meta said; 503 where nobody knows whether it was made.
 * Source: WhatsApp Business Management API, creating templates.
 */
export async function createTemplate(
  on: Resources,
  { org, by, waba }: At & { waba: string },
  draft: Draft,
): Promise<string> {
  refuseFaults(draft)
  const wanted = wantedOf(draft)
  const call = { org, waba, path: `/${waba}/message_templates` }
  const made = await ask(on, call, { method: 'POST', body: wanted }, Made)
  return on.db.withTenant(org, async (tx) => {
    const { name, language, parameter_format, components } = wanted
    const category = made.category ?? wanted.category
    const listed = {
      id: made.id,
      name,
      language,
      status: made.status,
      category,
      parameter_format,
      components,
    }
    await storeListed(tx, { org, waba }, [listed], on.now())
    const [{ id } = { id: '' }] = await rows<{ id: string }>(
      tx,
      `select id from templates where org_id = ? and waba_id = ? and name = ? and language = ?`,
      [org, waba, name, language],
    )
    const target = { kind: 'template', id }
    await audit(tx, org, { actor: by, action: 'template.created', target })
    return id
  })
}

/** Replace what a template says, as a whole; its name and language stay. Throws as `createTemplate`, and Refusal 404, 409. */
export async function editTemplate(
  on: Resources,
  { org, by, id }: At & { id: string },
  given: Draft,
): Promise<void> {
  const template = await need(on, org, id)
  if (!isEditable(template))
    throw new Refusal(
      409,
      'not_editable',
      'Meta lets a template be edited once it is approved, rejected or paused.',
    )
  const isApproved = template.status === 'APPROVED'
  const category = (isApproved && template.category?.toUpperCase()) || given.category
  const draft = { ...given, name: template.name, language: template.language, category }
  refuseFaults(draft)
  const { components } = wantedOf(draft)
  const body = isApproved ? { components } : { components, category }
  const call = { org, waba: template.waba_id, path: `/${template.graph_id}` }
  await ask(on, call, { method: 'POST', body }, Done)
  await settle(on, { org, by, template }, 'template.edited')
}

/** Take one language of a template away at Meta. Its name is blocked there for 30 days. Throws Refusal 404, 422, 503. */
export async function deleteTemplate(
  on: Resources,
  { org, by, id }: At & { id: string },
): Promise<void> {
  const template = await need(on, org, id)
  const { waba_id: waba, name, graph_id } = template
  const query = new URLSearchParams({ name, ...(graph_id ? { hsm_id: graph_id } : {}) })
  const path = `/${waba}/message_templates?${query.toString()}`
  await ask(on, { org, waba, path }, { method: 'DELETE' }, Done)
  await settle(on, { org, by, template }, 'template.deleted')
}

async function need(on: Resources, org: string, id: string): Promise<Template> {
  const found = await on.db.withTenant(org, (tx) => getTemplate(tx, org, id))
  if (!found) throw notFound('template')
  return found
}

/** Written down when Meta said yes; the list is read again, because Meta alone knows how it stands now. */
async function settle(
  on: Resources,
  { org, by, template }: At & { template: Template },
  action: 'template.edited' | 'template.deleted',
): Promise<void> {
  const { id, waba_id: waba } = template
  await on.db.withTenant(org, async (tx: Tx) => {
    if (action === 'template.deleted')
      await rows(
        tx,
        `update templates set status = 'DELETED', status_at = ?, gone_at = now() where org_id = ? and id = ?`,
        [on.now(), org, id],
      )
    await askSync(tx, org, waba)
    await audit(tx, org, { actor: by, action, target: { kind: 'template', id } })
  })
  await on.queues.addSync({ org, waba })
}

function refuseFaults(draft: Draft): void {
  const faults = faultsIn(draft)
  const [first] = Object.values(faults)
  if (first) throw new Refusal(422, 'invalid', first, faults)
}

type Where = { org: string; waba: string; path: string }

async function ask<T extends object>(
  on: Resources,
  { org, waba, path }: Where,
  what: Pick<GraphCall, 'method' | 'body'>,
  schema: z.ZodType<T>,
): Promise<T> {
  const token: Secret | undefined = await on.db.withTenant(org, (tx) => tokenFor(on, tx, org, waba))
  if (!token)
    throw new Refusal(
      409,
      'disconnected',
      'No number of this account is connected, so Meta cannot be asked.',
    )
  const purpose = 'manage_templates' as const
  const answer = await on.egress.graph({
    purpose,
    org,
    path,
    token,
    timeoutMs: TIMEOUT_MS,
    ...what,
  })
  const told = readGraph(schema, answer, token)
  if (!('outcome' in told)) return told
  const isUnknown =
    answer.outcome === 'unknown' || (answer.outcome === 'answered' && told.outcome !== 'refused')
  if (isUnknown) await on.db.withTenant(org, (tx) => askSync(tx, org, waba))
  throw isUnknown ? UNKNOWN() : refusalOf(told)
}

const UNKNOWN = (): Refusal =>
  new Refusal(
    422,
    'unknown_outcome',
    'Meta gave no answer, so nobody knows whether it was done. The list is being read again: look there before you repeat it.',
  )

/** What Meta said, in its own words, and what to do where we know it. */
function refusalOf({ outcome, code, said }: Failure): Refusal {
  if (outcome === 'unreachable')
    return new Refusal(
      422,
      'unreachable',
      'Meta could not be reached, so nothing was done. Try again in a few minutes.',
    )
  const isOurs = /^(190|10|200|3|0)(\/|$)/.test(code ?? '')
  const mend = isOurs ? ` ${explainCode(code ?? '').mend}` : ''
  return new Refusal(
    422,
    'refused',
    `Meta did not take it: “${said ?? 'no reason given'}” (${code ?? 'no code'}).${mend}`,
  )
}
