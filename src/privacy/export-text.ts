import type { Row } from './export-rows.ts'

/** What a spreadsheet would run: these begin a formula, a tab or a line break may hide one. */
const FORMULA = /^[=+\-@\t\r\n]/

/** A line of RFC 4180; text that a spreadsheet would take for a formula begins with an apostrophe. */
export const csvLine = (values: unknown[]): string => `${values.map(csvCell).join(',')}\r\n`

function csvCell(value: unknown): string {
  const text = textOf(value)
  const safe = typeof value === 'string' && FORMULA.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** A value as a person reads it. */
function textOf(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
const escaped = (text: string): string => text.replace(/[&<>"']/g, (c) => ENTITIES[c] ?? '')

const SHOWN_CHARACTERS = 1_000

/** A row of a table of the page; long values are cut there, and whole in the other files. */
export const htmlRow = (row: Row): string =>
  `<tr>${Object.values(row)
    .map((value) => textOf(value))
    .map((text) =>
      text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS).toWellFormed()}…` : text,
    )
    .map((text) => `<td dir="auto">${escaped(text)}</td>`)
    .join('')}</tr>\n`

/** A table of the page: its rows as `htmlRow` made them, of `count` in all. */
export type Chapter = { table: string; columns: string[]; rows: string[]; count: number }
export type Page = { title: string; facts: [string, string][]; chapters: Chapter[] }

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#1c1c1a;background:#fff}
table{border-collapse:collapse;font-size:13px}th,td{border:1px solid #d8d6d0;padding:.3rem .5rem;text-align:start;vertical-align:top;white-space:pre-wrap;overflow-wrap:anywhere;min-width:4rem;max-width:30rem}
th{background:#f4f3ef}.wide{overflow-x:auto}dt{font-weight:600}dd{margin:0 0 .5rem}h2{margin-top:2.5rem;font-size:1.25rem}`

/** The parts of a page that opens from a disk without a network: no script, nothing loaded, every value escaped. */
export function* htmlPage({ title, facts, chapters }: Page): Generator<string> {
  yield `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(title)}</title><style>${STYLE}</style></head><body>
<h1>${escaped(title)}</h1>
<p>Each table lies here twice, whole: under <code>csv</code> for a spreadsheet, under <code>data</code> for a program. This page shows the beginning of each.</p>
<dl>${facts.map(([name, text]) => `<dt>${escaped(name)}</dt><dd>${escaped(text)}</dd>`).join('')}</dl>
<ul>\n`
  for (const { table, count } of chapters)
    yield `<li><a href="#${table}">${titleOf(table)}</a>: ${count}</li>\n`
  yield '</ul>\n'
  for (const chapter of chapters) yield* htmlChapter(chapter)
  yield '</body></html>\n'
}

function* htmlChapter({ table, columns, rows, count }: Chapter): Generator<string> {
  const shown =
    rows.length < count
      ? `The first ${rows.length} of ${count}; all of them are in `
      : `${count} in all, also in `
  yield `<h2 id="${table}">${titleOf(table)}</h2>
<p>${shown}<a href="csv/${table}.csv">csv/${table}.csv</a> and <a href="data/${table}.jsonl">data/${table}.jsonl</a>.</p>\n`
  if (rows.length === 0) return
  yield `<div class="wide"><table><thead><tr>${columns.map((name) => `<th scope="col">${titleOf(name)}</th>`).join('')}</tr></thead><tbody>\n`
  yield* rows
  yield '</tbody></table></div>\n'
}

/** Names of tables and columns are ours: letters, digits and underscores. */
function titleOf(name: string): string {
  const words = name.replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}
