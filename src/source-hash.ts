import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { ROOT } from './root.ts'

const FOLDERS = ['migrations', 'public', 'src', 'views', 'workers']
let known: string | undefined

/**
 * Names the sources that run here: SHA-256 over the names and the bytes of everything the product is made of. A report
 * about other sources is no report about these, whatever commit it names and however either got here.
 */
export function sourceHash(): string {
  known ??= hashOf(ROOT)
  return known
}

function hashOf(root: string): string {
  const hash = createHash('sha256')
  for (const file of FOLDERS.flatMap((folder) => filesIn(root, folder)).toSorted()) {
    const bytes = readFileSync(path.join(root, file))
    hash.update(`${file} ${createHash('sha256').update(bytes).digest('hex')}\n`)
  }
  return hash.digest('hex')
}

const filesIn = (root: string, folder: string): string[] =>
  readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) =>
      path.relative(root, path.join(parentPath, name)).split(path.sep).join('/'),
    )
