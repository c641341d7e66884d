import { rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'
import { askSync } from '../templates/syncs.ts'
import type { Notice } from './notice.ts'
import { inside, joined, textOf } from './phrases.ts'

type Loose = Record<string, unknown>
type Aspect = 'status' | 'quality' | 'category' | 'changed'
/** What Meta said of one template at one moment, by what it is about. */
type Word = {
  template: { waba_id: string; name: string; language: string }
  graphId: string | undefined
  at: Date
  aspects: Partial<Record<Aspect, Loose>>
}

/**
 * Bring templates up to what Meta said of them: status, quality and category each by its newest word, so that order does
 * not matter. A template that was never read here gets its row, and what is not known of it is asked for. Source: WhatsApp Cloud API, template webhooks.
 */
export async function applyToTemplates(tx: Tx, org: string, notices: Notice[]): Promise<void> {
  // Two words of one second are taken in the order of their digests: any order will do that is always the same.
  const inOrder = notices.toSorted((a, b) => +a.at - +b.at || (a.key < b.key ? -1 : 1))
  const told = inOrder.flatMap((notice) => wordIn(notice) ?? [])
  for (const word of told) await say(tx, org, word)
  for (const waba of new Set(told.map(({ template }) => template.waba_id)))
    if (await isUnread(tx, org, waba)) await askSync(tx, org, waba)
}

/** Whether what a template says is not known, or not any more. */
async function isUnread(tx: Tx, org: string, waba: string): Promise<boolean> {
  const found = await rows(
    tx,
    `select 1 from templates where org_id = ? and waba_id = ? and status is distinct from 'DELETED' and gone_at is null
        and (components is null or changed_at > synced_at) limit 1`,
    [org, waba],
  )
  return found.length > 0
}

async function say(tx: Tx, org: string, { template, graphId, at, aspects }: Word): Promise<void> {
  const { waba_id, name, language } = template
  await rows(
    tx,
    `insert into templates (org_id, id, waba_id, name, language) values (?, ?, ?, ?, ?)
     on conflict (org_id, waba_id, name, language) do nothing`,
    [org, newId(), waba_id, name, language],
  )
  if (graphId)
    await tx('templates')
      .where({ org_id: org, ...template })
      .update({ graph_id: graphId })
  for (const [aspect, fields] of Object.entries(aspects))
    await tx('templates')
      .where({ org_id: org, ...template })
      .where((so) => so.whereNull(`${aspect}_at`).orWhere(`${aspect}_at`, '<=', at))
      .update({ ...fields, [`${aspect}_at`]: at })
}

function wordIn({ field, event, payload, waba, at }: Notice): Word | undefined {
  const name = textIn(payload['message_template_name'])
  const language = textIn(payload['message_template_language'])?.replace('-', '_')
  if (!name || !language || waba === null) return undefined
  return {
    template: { waba_id: waba, name, language },
    graphId: textIn(payload['message_template_id']),
    at,
    aspects: aspectsIn(field, event, payload),
  }
}

function aspectsIn(field: string, event: string, payload: Loose): Word['aspects'] {
  if (event === 'unknown') return {}
  if (event === 'QUALITY') return { quality: { quality: textIn(payload['new_quality_score']) } }
  if (event === 'COMPONENTS') return { changed: {} }
  if (field === 'template_category_update') return { category: categoryIn(payload) }
  const category = textIn(payload['message_template_category'])
  const reason = textIn(payload['reason'])
  return {
    status: {
      status: event.toUpperCase(),
      reason: reason === undefined || reason === 'NONE' ? null : reason,
      said: explained(payload),
    },
    ...(category ? { category: { category } } : {}),
  }
}

/** Meta's own words on a rejection or a pause. */
function explained(payload: Loose): string | null {
  const { reason, recommendation } = inside(payload['rejection_info'])
  const { description } = inside(payload['other_info'])
  return joined(textOf(reason), textOf(recommendation), textOf(description)) || null
}

/** An announcement names the category of today as the new one, and the coming one as the right one. */
function categoryIn(payload: Loose): Loose {
  const next = textIn(payload['correct_category']) ?? null
  const seconds = Number(payload['category_update_timestamp'])
  const isTime = next !== null && seconds > 0 && seconds < 1e11
  return {
    category: textIn(payload['new_category']),
    next_category: next,
    next_category_at: isTime ? new Date(seconds * 1_000) : null,
  }
}

const textIn = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' && value.length <= 512 ? value : undefined
