import type { Resources } from '../resources.ts'
import type { Part } from './export-plan.ts'
import { countHeldBack, countRows, readRows, type Row } from './export-rows.ts'
import { csvLine, htmlRow, type Chapter } from './export-text.ts'
import { openSpool, type Spool } from './spool.ts'

export type Progress = (done: number, total: number) => Promise<void>
/** A table as it was read: its files for the ZIP, which lie in spools until they are in it, and what the page shows of it. */
export type ReadTable = { chapter: Chapter; files: Finished[]; spools: Spool[] }
export type Finished = Awaited<ReturnType<Spool['finish']>>

const BOM = '\ufeff'
const SHOWN_ROWS = 300

/** Read every table of these parts into `read`, which holds whatever was opened also when this fails: the caller closes it. */
export async function readTables(
  on: Resources,
  parts: Part[],
  into: { folder: string; progress?: Progress; read: ReadTable[] },
): Promise<void> {
  const count = await counting(on, parts, into.progress)
  for (const table of new Set(parts.map((part) => part.table))) {
    const own = parts.filter((part) => part.table === table)
    const names = own[0]?.columns.map(({ name }) => name) ?? []
    const made = { chapter: { table, columns: names, rows: [], count: 0 }, files: [], spools: [] }
    into.read.push(made)
    const one = await openTable(into.folder, made)
    for (const part of own)
      for await (const rows of readRows(on, part)) {
        await writeRows(one, rows)
        await count(rows.length)
      }
    // Finished at once: a compressor that still waits for more holds a quarter of a megabyte.
    one.files.push(
      await one.data.finish(`data/${table}.jsonl`),
      await one.csv.finish(`csv/${table}.csv`),
    )
  }
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

type Open = ReadTable & { data: Spool; csv: Spool }

/** One table is read once, into its two files at the same time. */
async function openTable(folder: string, made: ReadTable): Promise<Open> {
  const data = await openSpool(folder)
  made.spools.push(data)
  const csv = await openSpool(folder)
  made.spools.push(csv)
  await csv.write(BOM + csvLine(made.chapter.columns))
  return { ...made, data, csv }
}

async function writeRows({ chapter, data, csv }: Open, rows: Row[]): Promise<void> {
  await data.write(rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  await csv.write(rows.map((row) => csvLine(Object.values(row))).join(''))
  chapter.count += rows.length
  chapter.rows.push(...rows.slice(0, SHOWN_ROWS - chapter.rows.length).map(htmlRow))
}

/** Rows of restricted contacts by their tables, where there are any. */
export async function countAllHeldBack(
  on: Resources,
  parts: Part[],
): Promise<Record<string, number>> {
  const found: Record<string, number> = {}
  for (const part of parts) {
    const n = await countHeldBack(on, part)
    if (n > 0) found[part.table] = n
  }
  return found
}
