import type { Resources } from '../resources.ts'
import { planExport, type ExportSubject, type Part } from './export-plan.ts'
import { countHeldBack, countRows, readRows, type Row } from './export-rows.ts'
import { csvLine, htmlPage, htmlRow, type Chapter } from './export-text.ts'
import { manifest, manifestHash } from './manifest.ts'
import { openPolicy } from './policy-versions.ts'
import { openSpool, type Spool } from './spool.ts'
import { writeZip, type Sink, type ZipWriter } from './zip.ts'

/** The version of the layout of a ZIP: what `chatflow import` and other programs go by. */
export const SCHEMA_VERSION = 1
/** Names the layout itself, so that a stranger's ZIP is not taken for ours. */
export const FORMAT = 'chatflow-export'

export type ExportFile = { name: string; bytes: number; sha256: string; records?: number }
export type Manifest = {
  format: typeof FORMAT
  schema_version: number
  kind: ExportSubject['kind']
  subject: string
  org_id: string | null
  created_at: string
  policy_version: string
  manifest_sha256: string
  records: Record<string, number>
  files: ExportFile[]
  left_out: Record<string, string>
  missing: { table: string; column: string; records: number; reason: string }[]
  /** Records of restricted contacts by table: they stay where they are. */
  held_back: Record<string, number>
  notes: string[]
}

export type Progress = (done: number, total: number) => Promise<void>
/** `narrow` leaves out parts, or rows of them, that are not to leave. */
export type ExportTo = {
  sink: Sink
  folder: string
  progress?: Progress
  narrow?: (parts: Part[]) => Part[]
}

const BOM = '\ufeff'
const SHOWN_ROWS = 300
const NOTES = [
  'Rows were read in batches in the order of their ids, each batch as it was when it was read; the batches are not one snapshot. What changed meanwhile may be in its old or its new state.',
  'Times are UTC. In csv files, text that a spreadsheet would run as a formula begins with an apostrophe; in data files it stands as it is.',
  'Pictures and other files of messages are not stored by this version: a message keeps the id that WhatsApp gave its file.',
]

const HELD_BACK =
  'Some contacts asked that their data be restricted. Of them only their identities and the restriction are here; the export of each of them alone is whole.'

/**
 * Write a subject's data as a ZIP to `sink`, front to back and in constant memory: a JSON-lines and a CSV file per
 * table, a page to read and a manifest with hashes. `folder` takes a table at a time, enciphered. Returns the number of
 * records per table. Throws Refusal 404 when there is no such subject, 409 while it is being erased.
 */
export async function writeExport(
  on: Resources,
  subject: ExportSubject,
  to: ExportTo,
): Promise<Record<string, number>> {
  const planned = await planExport(on, subject)
  const parts = to.narrow?.(planned) ?? planned
  const count = await counting(on, parts, to.progress)
  const zip = writeZip(to.sink, on.now())
  const files: ExportFile[] = []
  const chapters: Chapter[] = []
  for (const table of new Set(parts.map((part) => part.table))) {
    const own = parts.filter((part) => part.table === table)
    chapters.unshift(await addTable(on, own, { zip, files, folder: to.folder, count }))
  }
  const heldBack = await countAllHeldBack(on, parts)
  const about = describe(on, subject, { parts, files, chapters, heldBack })
  const page = htmlPage({ title: 'Export from ChatFlow CRM', facts: factsOf(about), chapters })
  about.files.push(await addText(zip, to.folder, 'index.html', page))
  await addText(zip, to.folder, 'manifest.json', [`${JSON.stringify(about, null, 2)}\n`])
  await zip.end()
  return about.records
}

/** Rows of restricted contacts by their tables, where there are any. */
async function countAllHeldBack(on: Resources, parts: Part[]): Promise<Record<string, number>> {
  const found: Record<string, number> = {}
  for (const part of parts) {
    const n = await countHeldBack(on, part)
    if (n > 0) found[part.table] = n
  }
  return found
}

/** Tells how far it is after each batch. */
async function counting(
  on: Resources,
  parts: Part[],
  progress: Progress | undefined,
): Promise<(rows: number) => Promise<void>> {
  let [done, total] = [0, 0]
  if (progress) for (const part of parts) total += await countRows(on, part)
  await progress?.(0, total)
  return async (rows) => {
    done += rows
    await progress?.(done, Math.max(done, total))
  }
}

type Into = {
  zip: ZipWriter
  files: ExportFile[]
  folder: string
  count(rows: number): Promise<void>
}

/** One table is read once, into its two files at the same time. */
async function addTable(on: Resources, parts: Part[], into: Into): Promise<Chapter> {
  const { table = '', columns = [] } = parts[0] ?? {}
  const names = columns.map(({ name }) => name)
  const chapter: Chapter = { table, columns: names, rows: [], count: 0 }
  const data = await openSpool(into.folder)
  const csv = await openSpool(into.folder)
  try {
    await csv.write(BOM + csvLine(names))
    for (const part of parts)
      for await (const rows of readRows(on, part)) {
        await writeRows({ data, csv }, rows, chapter)
        await into.count(rows.length)
      }
    into.files.push(
      await addSpool(into.zip, data, `data/${table}.jsonl`, chapter.count),
      await addSpool(into.zip, csv, `csv/${table}.csv`, chapter.count),
    )
  } finally {
    await data.close()
    await csv.close()
  }
  return chapter
}

async function writeRows(
  { data, csv }: { data: Spool; csv: Spool },
  rows: Row[],
  chapter: Chapter,
): Promise<void> {
  await data.write(rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  await csv.write(rows.map((row) => csvLine(Object.values(row))).join(''))
  chapter.count += rows.length
  chapter.rows.push(...rows.slice(0, SHOWN_ROWS - chapter.rows.length).map(htmlRow))
}

async function addText(
  zip: ZipWriter,
  folder: string,
  name: string,
  texts: Iterable<string>,
): Promise<ExportFile> {
  const spool = await openSpool(folder)
  try {
    for (const text of texts) await spool.write(text)
    return await addSpool(zip, spool, name)
  } finally {
    await spool.close()
  }
}

async function addSpool(
  zip: ZipWriter,
  spool: Spool,
  name: string,
  records?: number,
): Promise<ExportFile> {
  const { sha256, ...packed } = await spool.finish(name)
  await zip.add(packed)
  return { name, bytes: packed.size, sha256, ...(records === undefined ? {} : { records }) }
}

type Written = {
  parts: Part[]
  files: ExportFile[]
  chapters: Chapter[]
  heldBack: Record<string, number>
}

function describe(
  on: Resources,
  subject: ExportSubject,
  { parts, files, chapters, heldBack }: Written,
): Manifest {
  return {
    format: FORMAT,
    schema_version: SCHEMA_VERSION,
    kind: subject.kind,
    subject: subject.kind === 'org' ? subject.org : subject.id,
    org_id: subject.kind === 'user' ? null : subject.org,
    created_at: on.now().toISOString(),
    policy_version: openPolicy().inForce(on.now()).id,
    manifest_sha256: manifestHash(),
    records: Object.fromEntries(chapters.map(({ table, count }) => [table, count])),
    files,
    left_out: leftOut(new Set(chapters.map(({ table }) => table))),
    missing: parts.flatMap(({ table, missing }) =>
      [...missing].map(([column, records]) => ({
        table,
        column,
        records,
        reason: 'sealed under a key that is gone',
      })),
    ),
    held_back: heldBack,
    notes: Object.keys(heldBack).length > 0 ? [...NOTES, HELD_BACK] : NOTES,
  }
}

/** Columns of these tables that do not leave, each with its reason. */
const leftOut = (tables: Set<string>): Record<string, string> =>
  Object.fromEntries(
    manifest.tables
      .filter(({ table }) => tables.has(table))
      .flatMap(({ table, columns }) =>
        Object.entries(columns).flatMap(([column, { export: rule }]) =>
          typeof rule === 'object' ? [[`${table}.${column}`, rule.exclude]] : [],
        ),
      ),
  )

const factsOf = (about: Manifest): [string, string][] => [
  ['Made at', about.created_at],
  ['Of', { org: 'an organization', contact: 'one contact', user: 'one person' }[about.kind]],
  ['Its id', about.subject],
  ...about.notes.map((note): [string, string] => ['Note', note]),
]
