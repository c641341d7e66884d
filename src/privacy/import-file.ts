import { createHash } from 'node:crypto'
import { z } from 'zod'
import { Refusal } from '../refusal.ts'
import { FORMAT, SCHEMA_VERSION } from './export.ts'
import type { Row } from './export-rows.ts'
import { damaged, readZip, type ZipReader } from './unzip.ts'

const Manifest = z.object({
  format: z.literal(FORMAT),
  schema_version: z.number(),
  kind: z.enum(['org', 'contact', 'user']),
  org_id: z.uuid().nullable(),
  records: z.record(z.string(), z.number()),
  files: z.array(
    z.object({ name: z.string(), sha256: z.string(), records: z.number().optional() }),
  ),
})

/** An export on disk whose every byte was compared with its manifest. */
export type CheckedExport = {
  /** The organization it was made of. */
  org: string
  records: Record<string, number>
  /** The rows of a table in batches; none when the export has no such table. */
  rows(table: string): AsyncGenerator<Row[]>
  /** All files in it, and the bytes of one. */
  names: readonly string[]
  read(name: string): AsyncIterable<Buffer>
  close(): Promise<void>
}

const MAX_MANIFEST = 4_194_304
/** A message's text and original object are far below. */
const MAX_LINE = 16_777_216
const BATCH = 500

/**
 * Open the export of an organization and compare all its files with the hashes of its manifest. Throws Refusal 422:
 * `not_an_export` for another or an altered file, `other_kind` for the export of a person, `newer_export` for a layout
 * this version does not know.
 */
export async function openExport(path: string): Promise<CheckedExport> {
  const zip = await readZip(path)
  try {
    const about = await readManifest(zip)
    for (const file of about.files)
      if ((await hashOf(zip, file.name)) !== file.sha256) throw damaged()
    return {
      org: about.org_id ?? '',
      records: about.records,
      rows: (table) => readTable(zip, table),
      names: zip.names,
      read: (name) => zip.read(name),
      close: () => zip.close(),
    }
  } catch (error) {
    await zip.close()
    throw error
  }
}

async function readManifest(zip: ZipReader): Promise<z.infer<typeof Manifest>> {
  let text = Buffer.alloc(0)
  for await (const bytes of zip.read('manifest.json')) {
    text = Buffer.concat([text, bytes])
    if (text.length > MAX_MANIFEST) throw damaged()
  }
  const { success, data } = Manifest.safeParse(parsed(text.toString('utf8')))
  const listed = success ? [...data.files.map(({ name }) => name), 'manifest.json'] : []
  if (!success || listed.toSorted().join() !== zip.names.toSorted().join()) throw damaged()
  if (data.schema_version > SCHEMA_VERSION)
    throw new Refusal(422, 'newer_export', 'A newer version of ChatFlow CRM made this export.')
  if (data.kind === 'org') return data
  throw new Refusal(422, 'other_kind', 'Only the export of a whole organization can be read back.')
}

async function hashOf(zip: ZipReader, name: string): Promise<string> {
  const sha = createHash('sha256')
  for await (const bytes of zip.read(name)) sha.update(bytes)
  return sha.digest('hex')
}

async function* readTable(zip: ZipReader, table: string): AsyncGenerator<Row[]> {
  const name = `data/${table}.jsonl`
  if (!zip.names.includes(name)) return
  let batch: Row[] = []
  for await (const line of readLines(zip.read(name))) {
    batch.push(rowOf(line))
    if (batch.length < BATCH) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

async function* readLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = Buffer.alloc(0)
  for await (const chunk of chunks) {
    let from = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      yield Buffer.concat([rest, chunk.subarray(from, end)]).toString('utf8')
      rest = Buffer.alloc(0)
      from = end + 1
    }
    rest = Buffer.concat([rest, chunk.subarray(from)])
    if (rest.length > MAX_LINE) throw damaged()
  }
  if (rest.length > 0) throw damaged()
}

function rowOf(line: string): Row {
  const row = parsed(line)
  if (typeof row !== 'object' || row === null || Array.isArray(row)) throw damaged()
  return row as Row
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw damaged()
  }
}
