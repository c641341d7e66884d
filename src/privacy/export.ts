import type { Resources } from '../resources.ts'
import { leavingFiles, listFiles, type Absent } from './export-media.ts'
import { planExport, type ExportSubject, type Part } from './export-plan.ts'
import { readMe } from './export-readme.ts'
import {
  countAllHeldBack,
  readTables,
  type Finished,
  type Progress,
  type ReadTable,
} from './export-tables.ts'
import { htmlPage, type Chapter } from './export-text.ts'
import { manifest, manifestHash } from './manifest.ts'
import { openPolicy } from './policy-versions.ts'
import { openSpool } from './spool.ts'
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
  missing: Missing[]
  /** Records of restricted contacts by table: they stay where they are. */
  held_back: Record<string, number>
  notes: string[]
}

/** What is told of and is not here; of files also the ids of their rows. */
export type Missing = {
  table: string
  column: string
  records: number
  reason: string
  ids?: string[]
}

/** `narrow` leaves out parts, or rows of them, that are not to leave. */
export type ExportTo = {
  sink: Sink
  folder: string
  progress?: Progress
  narrow?: (parts: Part[]) => Part[]
}

const NOTES = [
  'Everything is as it was at one moment: what changed while the export was made is in its old state throughout.',
  'Times are UTC. In csv files, text that a spreadsheet would run as a formula begins with an apostrophe; in data files it stands as it is.',
  'Pictures and other files of messages lie in the folder media, named by the id of their row in data/media.jsonl; those that are not there are listed under missing, with the reason.',
]

const HELD_BACK =
  'Some contacts asked that their data be restricted. Of them only their identities and the restriction are here; the export of each of them alone is whole.'

/**
 * Write a subject's data as a ZIP to `sink`, front to back and in constant memory: a JSON-lines and a CSV file per
 * table, a page to read, a text that says what is what, and a manifest with hashes. Everything is read as it was at one
 * moment, first; the sink, which may be slow, is waited for when the database is free again. `folder` takes the tables
 * until then, enciphered. Returns the number of records per table. Throws Refusal 404 when there is no such subject, 409
 * while it is being erased.
 */
export async function writeExport(
  on: Resources,
  subject: ExportSubject,
  to: ExportTo,
): Promise<Record<string, number>> {
  const read: ReadTable[] = []
  const at = on.now()
  try {
    const { parts, heldBack, listed } = await on.db.snapshot(async (ways) => {
      const then = { ...on, db: { ...on.db, ...ways } }
      const planned = await planExport(then, subject)
      const wanted = to.narrow?.(planned) ?? planned
      await readTables(then, wanted, { ...to, read })
      return {
        parts: wanted,
        heldBack: await countAllHeldBack(then, wanted),
        listed: await listFiles(then, wanted),
      }
    })
    const zip = writeZip(to.sink, at)
    const files: ExportFile[] = []
    for (const { files: own, chapter } of read)
      for (const file of own) files.push(await addFile(zip, file, chapter.count))
    const chapters = read.map(({ chapter }) => chapter).toReversed()
    const absent: Absent = new Map()
    for await (const { name, bytes } of leavingFiles(on, listed, absent))
      files.push(await addParts(zip, to.folder, name, bytes))
    const about = describe(subject, { at, parts, files, chapters, heldBack, absent })
    await addTexts(zip, to.folder, { about, chapters })
    return about.records
  } finally {
    for (const { spools } of read) for (const spool of spools) await spool.close()
  }
}

async function addTexts(
  zip: ZipWriter,
  folder: string,
  { about, chapters }: { about: Manifest; chapters: Chapter[] },
): Promise<void> {
  const page = htmlPage({ title: 'Export from ChatFlow CRM', facts: factsOf(about), chapters })
  about.files.push(await addParts(zip, folder, 'index.html', page))
  about.files.push(await addParts(zip, folder, 'README.txt', [readMe(about)]))
  await addParts(zip, folder, 'manifest.json', [`${JSON.stringify(about, null, 2)}\n`])
  await zip.end()
}

async function addParts(
  zip: ZipWriter,
  folder: string,
  name: string,
  parts: Iterable<string> | AsyncIterable<Buffer>,
): Promise<ExportFile> {
  const spool = await openSpool(folder)
  try {
    for await (const part of parts) await spool.write(part)
    return await addFile(zip, await spool.finish(name))
  } finally {
    await spool.close()
  }
}

async function addFile(
  zip: ZipWriter,
  { sha256, ...packed }: Finished,
  records?: number,
): Promise<ExportFile> {
  await zip.add(packed)
  const { name, size: bytes } = packed
  return { name, bytes, sha256, ...(records === undefined ? {} : { records }) }
}

type Written = {
  at: Date
  parts: Part[]
  files: ExportFile[]
  chapters: Chapter[]
  heldBack: Record<string, number>
  absent: Absent
}

function describe(
  subject: ExportSubject,
  { at, parts, files, chapters, heldBack, absent }: Written,
): Manifest {
  return {
    format: FORMAT,
    schema_version: SCHEMA_VERSION,
    kind: subject.kind,
    subject: subject.kind === 'org' ? subject.org : subject.id,
    org_id: subject.kind === 'user' ? null : subject.org,
    created_at: at.toISOString(),
    policy_version: openPolicy().inForce(at).id,
    manifest_sha256: manifestHash(),
    records: Object.fromEntries(chapters.map(({ table, count }) => [table, count])),
    files,
    left_out: leftOut(new Set(chapters.map(({ table }) => table))),
    missing: [...parts.flatMap(unopened), ...missingFiles(absent)],
    held_back: heldBack,
    notes: Object.keys(heldBack).length > 0 ? [...NOTES, HELD_BACK] : NOTES,
  }
}

const unopened = ({ table, missing }: Part): Missing[] =>
  [...missing].map(([column, records]) => {
    const reason = 'sealed under a key that is gone'
    return { table, column, records, reason }
  })

const missingFiles = (absent: Absent): Missing[] =>
  [...absent].map(([reason, ids]) => ({
    table: 'media',
    column: 'file',
    records: ids.length,
    reason,
    ids,
  }))

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
