import { open, readdir } from 'node:fs/promises'
import path from 'node:path'
import { folderOf } from '../privacy/export-place.ts'
import { mediaFolder } from '../privacy/stored-files.ts'
import type { Resources } from '../resources.ts'
import { keyIdOf } from '../vault.ts'

const HEAD_BYTES = 64

/** How many files of exports each key seals, by its id. */
export const sealersOfExports = (on: Resources): Promise<Record<string, number>> =>
  sealersBelow(folderOf(on))

/** How many of an organization's media each key seals; undefined where they lie in an object store and cannot be looked at. */
export async function sealersOfMedia(
  on: Resources,
  org: string,
): Promise<Record<string, number> | undefined> {
  const folder = mediaFolder(on)
  return folder === undefined ? undefined : sealersBelow(path.join(folder, org))
}

/** The first envelope of a file names the key of all of it. */
async function sealersBelow(folder: string): Promise<Record<string, number>> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const counts: Record<string, number> = {}
  for (const one of found) {
    if (!one.isFile()) continue
    const kid = await sealerOf(path.join(one.parentPath, one.name))
    counts[kid] = (counts[kid] ?? 0) + 1
  }
  return counts
}

/** '' for a file that is gone meanwhile, or is none of ours. */
async function sealerOf(file: string): Promise<string> {
  const handle = await open(file, 'r').catch(() => undefined)
  if (!handle) return ''
  try {
    const { buffer } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0)
    return keyIdOf(buffer.toString('latin1'))
  } finally {
    await handle.close()
  }
}
