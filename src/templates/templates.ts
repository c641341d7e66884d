import { rows, type Tx } from '../db.ts'
import { readComponents, type Component } from './components.ts'

/** A template of a business account, as far as Meta told us; `components` is null until they were read. */
export type Template = {
  id: string
  waba_id: string
  graph_id: string | null
  name: string
  language: string
  status: string | null
  reason: string | null
  said: string | null
  category: string | null
  next_category: string | null
  next_category_at: Date | null
  quality: string | null
  parameter_format: string | null
  components: Component[] | null
  created_at: Date
  synced_at: Date | null
  /** When a whole list of Meta no longer had it. */
  gone_at: Date | null
}

/** What of the list is wanted; `after` is the last one of the page before. */
export type Wanted = {
  q?: string | undefined
  status?: string | undefined
  language?: string | undefined
  category?: string | undefined
  after?: Place | undefined
  /** Of the account that this connection belongs to. */
  connection?: string | undefined
  id?: string | undefined
  limit: number
}
export type Place = [name: string, language: string, id: string]

const COLUMNS = `t.id, t.waba_id, t.graph_id, t.name, t.language, t.status, t.reason, t.said, t.category, t.next_category,
  t.next_category_at, t.quality, t.parameter_format, t.components, t.created_at, t.synced_at, t.gone_at`

/** What a filter means by a word of ours. Source: WhatsApp Business Management API, template status. */
const GROUPS: Readonly<Record<string, string>> = {
  usable: `t.gone_at is null and t.status in ('APPROVED', 'REINSTATED', 'FLAGGED', 'UNLOCKED', 'UNARCHIVED')`,
  review: `t.gone_at is null and t.status in ('PENDING', 'IN_APPEAL')`,
  rejected: `t.gone_at is null and t.status = 'REJECTED'`,
  stopped: `t.gone_at is null and t.status in ('PAUSED', 'DISABLED', 'LOCKED', 'LIMIT_EXCEEDED', 'ARCHIVED')`,
  gone: `(t.gone_at is not null or t.status in ('DELETED', 'PENDING_DELETION'))`,
}

const FILTERS = {
  q: '(position(:q in t.name) > 0 or position(:q in lower(t.components::text)) > 0)',
  status: 't.status = upper(:status)',
  language: 't.language = :language',
  category: 'upper(t.category) = upper(:category)',
  connection: `t.waba_id = (select c.waba_id from connections c where c.org_id = :org and c.id = cast(:connection as uuid))`,
  id: 't.id = cast(:id as uuid)',
} as const
const BEYOND =
  '(t.name collate "C", t.language collate "C", t.id) > (:name, :tongue, cast(:last as uuid))'

/** By name and language, at most `limit`. A status is a word of ours for a group of them, or Meta's own. */
export async function listTemplates(tx: Tx, org: string, wanted: Wanted): Promise<Template[]> {
  const { after, limit, status = '', ...rest } = wanted
  const group = GROUPS[status]
  const given = Object.entries({ ...rest, q: rest.q?.toLowerCase(), status: group ? '' : status })
  const filters = given.filter((pair): pair is [keyof typeof FILTERS, string] => Boolean(pair[1]))
  const conditions = [
    ...filters.map(([name]) => FILTERS[name]),
    ...(group ? [group] : []),
    ...(after ? [BEYOND] : []),
  ]
  const place = after ? { name: after[0], tongue: after[1], last: after[2] } : {}
  const found = await rows<Template>(
    tx,
    `select ${COLUMNS} from templates t where ${['t.org_id = :org', ...conditions].join(' and ')}
      order by t.name collate "C", t.language collate "C", t.id limit :limit`,
    { org, limit, ...place, ...Object.fromEntries(filters) },
  )
  return found.map(whole)
}

export async function getTemplate(tx: Tx, org: string, id: string): Promise<Template | undefined> {
  const [found] = await rows<Template>(
    tx,
    `select ${COLUMNS} from templates t where t.org_id = ? and t.id = ?`,
    [org, id],
  )
  return found && whole(found)
}

/** The template that a message names, in the business account of a connection. */
export async function templateNamed(
  tx: Tx,
  org: string,
  { connection, name, language }: { connection: string; name: string; language: string },
): Promise<Template | undefined> {
  const [found] = await rows<Template>(
    tx,
    `select ${COLUMNS} from templates t join connections c on c.org_id = t.org_id and c.waba_id = t.waba_id
      where t.org_id = :org and c.id = :connection and t.name = :name and t.language = :language`,
    { org, connection, name, language: language.replace('-', '_') },
  )
  return found && whole(found)
}

/** What rows of an earlier version hold is read with the same tolerance as what Meta sends. */
const whole = (row: Template): Template => ({
  ...row,
  components: row.components && readComponents(row.components),
})

/** The languages there are templates in, for the filter. */
export async function languagesIn(tx: Tx, org: string): Promise<string[]> {
  const found = await rows<{ language: string }>(
    tx,
    `select distinct language from templates where org_id = ? order by language limit 100`,
    [org],
  )
  return found.map(({ language }) => language)
}
