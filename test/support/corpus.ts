import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** Collected webhooks and answers of WhatsApp, kept beside the project and read where they lie. */
const FOLDER =
  process.env['TEST_PAYLOADS'] ?? path.resolve(import.meta.dirname, '../../../shared/payloads')

export type Corpus = {
  /** Paths of its files, sorted; none where there is no corpus. */
  files: string[]
  bytes(file: string): Buffer
  /** `describe` where there is a corpus; a clone without one leaves the tests out. */
  describe: jest.Describe
}

/** One part of the corpus: `webhooks` or `graph`. */
export function openCorpus(part: 'webhooks' | 'graph'): Corpus {
  const folder = path.join(FOLDER, part)
  const isThere = existsSync(folder)
  if (!isThere && process.env['CI'] === 'true') throw new Error('CI needs ../shared/payloads')
  if (!isThere) process.stdout.write('No ../shared/payloads: the corpus is left out.\n')
  const all = isThere ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : []
  return {
    files: all.filter((file) => file.endsWith('.json')).toSorted(),
    bytes: (file) => readFileSync(path.join(folder, file)),
    describe: isThere ? describe : describe.skip,
  }
}
