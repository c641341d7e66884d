import { rows, type Tx } from '../db.ts'
import { showTemplate, type TemplateRow } from '../notices/template-row.ts'
import { obstacleOf } from './blanks.ts'
import { draftOf, isEditable } from './known-draft.ts'
import { previewOf, type Preview } from './preview.ts'
import { isStale, syncLine, type SyncLine } from './sync-words.ts'
import { listSyncs } from './syncs.ts'
import { getTemplate, languagesIn, listTemplates, type Place, type Template } from './templates.ts'

const PAGE = 50

/** What an address of the list asks for; '' is everything. */
export type Asked = {
  q: string
  status: string
  language: string
  category: string
  /** The id of the last one of the page before. */
  after: string
}

export const STATUSES: readonly (readonly [value: string, name: string])[] = [
  ['', 'Every status'],
  ['usable', 'Can be sent'],
  ['review', 'In review'],
  ['rejected', 'Rejected'],
  ['stopped', 'Paused or switched off'],
  ['gone', 'Gone at Meta'],
]
export const CATEGORIES: readonly (readonly [value: string, name: string])[] = [
  ['', 'Every category'],
  ['MARKETING', 'Marketing'],
  ['UTILITY', 'Utility'],
  ['AUTHENTICATION', 'Authentication'],
]

/** A template as its row shows it, with its language in words. */
export type Row = TemplateRow & { tongue: string; isGone: boolean }

export type ListModel = {
  asked: Asked
  rows: Row[]
  languages: { code: string; name: string }[]
  syncs: SyncLine[]
  isBusy: boolean
  isStale: boolean
  /** Which of the reasons for an empty list it is. */
  empty: '' | 'filtered' | 'unread' | 'none' | 'unconnected'
  first: string
  next: string
  query: string
}

/** One page of the list by name and language, and how the reading of each account stands. */
export async function readTemplates(
  tx: Tx,
  org: string,
  asked: Asked,
  now: Date,
): Promise<ListModel> {
  const { after: last, ...filter } = asked
  const syncs = await listSyncs(tx, org)
  const after = last ? placeOf(await getTemplate(tx, org, last)) : undefined
  const found = await listTemplates(tx, org, { ...filter, after, limit: PAGE + 1 })
  const shown = found.slice(0, PAGE)
  const query = queryOf(filter)
  const more = found.length > PAGE ? shown.at(-1)?.id : undefined
  return {
    asked,
    rows: shown.map(rowOf),
    languages: (await languagesIn(tx, org)).map((code) => ({ code, name: tongueOf(code) })),
    syncs: syncs.map((sync) => syncLine(sync, now)),
    isBusy: syncs.some((sync) => syncLine(sync, now).isBusy),
    isStale: syncs.some((sync) => isStale(sync, now)),
    empty: emptiness({
      isEmpty: shown.length === 0,
      isFiltered: query !== '',
      isRead: syncs.some(({ ok_at }) => ok_at !== null),
      isConnected: syncs.length > 0,
    }),
    first: after ? `/templates${query}` : '',
    next: more ? `/templates${query ? `${query}&` : '?'}after=${more}` : '',
    query,
  }
}

function emptiness(is: {
  isEmpty: boolean
  isFiltered: boolean
  isRead: boolean
  isConnected: boolean
}): ListModel['empty'] {
  if (!is.isEmpty) return ''
  if (is.isFiltered) return 'filtered'
  if (!is.isConnected) return 'unconnected'
  return is.isRead ? 'none' : 'unread'
}

const placeOf = (template: Template | undefined): Place | undefined =>
  template && [template.name, template.language, template.id]

export function queryOf(filter: Partial<Asked>): string {
  const given = Object.entries(filter).filter(([, value]) => value)
  return given.length > 0 ? `?${new URLSearchParams(given).toString()}` : ''
}

export const rowOf = (template: Template): Row => ({
  ...showTemplate(template),
  ...(template.quality === 'UNKNOWN' ? { quality: undefined } : {}),
  ...(template.gone_at ? { state: { tone: '', text: 'gone at Meta' } } : {}),
  isGone: template.gone_at !== null,
  tongue: tongueOf(template.language),
})

/** A language by its English name; the code where there is none. */
export function tongueOf(code: string): string {
  try {
    return names.of(code.replace('_', '-')) ?? code
  } catch {
    return code
  }
}
const names = new Intl.DisplayNames(['en'], { type: 'language' })

export type Shown = {
  template: Row
  preview: Preview
  /** Meta's words on why it stands where it stands. */
  said: string
  number: string
  isRead: boolean
  /** Why it cannot be sent from a conversation here; '' when it can. */
  obstacle: string
  /** What an admin may do with it at Meta. */
  canEdit: boolean
  canDelete: boolean
}

/** Everything the page of one template shows; undefined for an id that is unknown or another organization's. */
export async function readTemplate(tx: Tx, org: string, id: string): Promise<Shown | undefined> {
  const template = await getTemplate(tx, org, id)
  if (!template) return undefined
  const [number] = await rows<{ name: string }>(
    tx,
    `select coalesce(nullif(name, ''), display_phone, phone_number_id) as name from connections
      where org_id = ? and waba_id = ? and state <> 'removed' order by id limit 1`,
    [org, template.waba_id],
  )
  return {
    template: rowOf(template),
    preview: previewOf(template),
    said: template.said ?? '',
    number: number?.name ?? '',
    isRead: template.components !== null,
    obstacle: template.components === null ? '' : obstacleOf(template),
    canEdit: isEditable(template) && draftOf(template) !== undefined,
    canDelete: template.gone_at === null && template.status !== 'DISABLED',
  }
}
