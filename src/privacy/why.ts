import { manifest } from './manifest.ts'
import { PURPOSES, sealWords } from './words.ts'

/**
 * Why a value is asked for, in a sentence, from the entry of the column that keeps it: its purposes, and how it is kept.
 * Throws for a column that has no entry: then there is no reason to ask.
 */
export function whyWeAsk(table: string, column: string): string {
  const entry = manifest.tables.find((each) => each.table === table)?.columns[column]
  if (!entry) throw new Error(`${table}.${column} has no reason`)
  const purposes = entry.purpose.map((one) => PURPOSES[one]).join(' and ')
  const kept = sealWords(entry)
  return `We ask ${purposes}.${kept ? ` Kept as ${kept}.` : ''}`
}
