import { rows } from '../db.ts'
import type { Resources } from '../resources.ts'
import { planExport, type ExportSubject, type Part } from './export-plan.ts'
import { countRows, readRows, type Row } from './export-rows.ts'
import { manifest } from './manifest.ts'
import type { Entry } from './manifest/vocabulary.ts'
import { BASES, ORIGINS, PURPOSES, sealWords } from './words.ts'

/** The three headings of §2 of the policy. */
export type Heading = 'Account Information' | 'WhatsApp Business Data' | 'Usage Data'
/** A column of somebody's data, and why it is kept. */
export type Column = {
  name: string
  title: string
  source: string
  purpose: string
  stays: string
  basis: string
  /** Where the value itself is not shown. */
  hidden: string
}
export type Section = {
  table: string
  title: string
  heading: Heading
  columns: Column[]
  rows: string[][]
  count: number
}
export type Mention = { title: string; count: number }
export type HeldData = { sections: Section[]; mentions: Mention[] }

/** What a page shows of one table; the export has all of it. */
const SHOWN = 200

/**
 * Everything that is kept about a person with an account or a contact, out of the manifest: every value with its source,
 * purpose, retention and basis. What is not shown is named with the reason. Source: GDPR Art. 15; promises P6 and P47.
 */
export async function readHeldData(
  on: Resources,
  subject: Exclude<ExportSubject, { kind: 'org' }>,
): Promise<HeldData> {
  const parts = await planExport(on, subject)
  const sections: Section[] = []
  for (const table of new Set(parts.map((part) => part.table))) {
    const own = parts.filter((part) => part.table === table)
    const section = await sectionOf(on, own)
    if (section.count > 0) sections.push(section)
  }
  const mentions = subject.kind === 'user' ? await readMentions(on, subject.id) : []
  return { sections: sections.toReversed(), mentions }
}

async function sectionOf(on: Resources, parts: Part[]): Promise<Section> {
  const table = parts[0]?.table ?? ''
  const declared = manifest.tables.find((one) => one.table === table)?.columns ?? {}
  const names = (parts[0]?.columns ?? []).map(({ name }) => name)
  const shown: string[][] = []
  let count = 0
  for (const part of parts) {
    count += await countRows(on, part)
    for await (const batch of readRows(on, part)) {
      shown.push(...batch.slice(0, SHOWN - shown.length).map((row) => cellsOf(row, names)))
      if (shown.length >= SHOWN) break
    }
  }
  const columns = Object.entries(declared)
  return {
    table,
    title: titleOf(table),
    heading: headingOf(columns.map(([, entry]) => entry)),
    columns: [
      ...names.flatMap((name) => (declared[name] ? [columnOf(name, declared[name], '')] : [])),
      ...columns.flatMap(([name, entry]) =>
        typeof entry.export === 'object' ? [columnOf(name, entry, entry.export.exclude)] : [],
      ),
    ],
    rows: shown,
    count,
  }
}

const cellsOf = (row: Row, names: string[]): string[] => names.map((name) => textOf(row[name]))

/** What only leaves as there or not is told in words. */
function textOf(value: unknown): string {
  if (value === null || value === undefined || value === '') return '–'
  if (value === true) return 'present'
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function headingOf(entries: Entry[]): Heading {
  if (entries.some(({ category }) => category === 'usage')) return 'Usage Data'
  return entries.some(({ subject }) => subject === 'contact')
    ? 'WhatsApp Business Data'
    : 'Account Information'
}

const columnOf = (name: string, entry: Entry, hidden: string): Column => ({
  name,
  title: titleOf(name),
  source: ORIGINS[entry.collectedFrom],
  purpose: entry.purpose.map((one) => PURPOSES[one]).join(', '),
  stays: manifest.retention[entry.retention]?.says ?? '',
  basis: BASES[entry.lawfulBasis],
  hidden:
    hidden || (entry.export === 'presence_only' ? `present, ${sealWords(entry) || 'sealed'}` : ''),
})

/** Rows about something else that say it was this person, such as the messages they wrote. */
async function readMentions(on: Resources, user: string): Promise<Mention[]> {
  const orgs = await on.db.withSystem((tx) =>
    rows<{ org_id: string }>(tx, 'select org_id from user_orgs(?)', [user]),
  )
  const places = manifest.tables.flatMap(({ table, columns }) =>
    Object.entries(columns).flatMap(([column, { subject, erase }]) =>
      subject === 'account_user' && erase === 'null' && columns['org_id']
        ? [{ table, column }]
        : [],
    ),
  )
  const found = new Map<string, number>()
  for (const { org_id: org } of orgs)
    for (const { table, column } of places) {
      const [counted] = await on.db.withTenant(org, (tx) =>
        rows<{ n: number }>(
          tx,
          `select count(*)::int as n from app."${table}" where org_id = ? and "${column}" = ?`,
          [org, user],
        ),
      )
      const title = `${titleOf(table)}: ${titleOf(column).toLowerCase()}`
      if (counted && counted.n > 0) found.set(title, (found.get(title) ?? 0) + counted.n)
    }
  return [...found].map(([title, count]) => ({ title, count }))
}

function titleOf(name: string): string {
  const words = name.replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}
