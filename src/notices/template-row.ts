import type { TemplateState } from './notices.ts'
import { plain } from './phrases.ts'
import { qualityChip, stateChip, type Chip } from './words-template.ts'

/** A template as its row shows it. */
export type TemplateRow = {
  id: string
  name: string
  language: string
  state: Chip | undefined
  quality: Chip | undefined
  category: string
  /** What is about to change, and why it stands where it stands. */
  note: string
}

export function showTemplate(template: TemplateState): TemplateRow {
  const {
    id,
    name,
    language,
    category,
    next_category: next,
    next_category_at: at,
    reason,
  } = template
  const change = next
    ? `Becomes ${plain(next)}${at ? ` on ${at.toISOString().slice(0, 10)}` : ''}`
    : ''
  return {
    id,
    name,
    language,
    state: stateChip(template.status),
    quality: qualityChip(template.quality),
    category: plain(category),
    note: [reason ? plain(reason) : '', change].filter(Boolean).join(' · '),
  }
}
