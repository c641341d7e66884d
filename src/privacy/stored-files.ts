import { open, readdir } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Resources } from '../resources.ts'
import { folderOf } from './export-place.ts'

/** What every envelope begins with. */
const MAGIC = Buffer.from('v1.')

export type StoredFiles = { files: number; unsealed: number }

/** Files of people on this machine (exports, media), and how many of them do not begin as an envelope does. */
export async function countStoredFiles(on: Resources): Promise<StoredFiles> {
  const found = { files: 0, unsealed: 0 }
  for (const folder of foldersOf(on))
    for (const file of await filesBelow(folder)) {
      const isSealed = await beginsSealed(file)
      if (isSealed === undefined) continue
      found.files += 1
      if (!isSealed) found.unsealed += 1
    }
  return found
}

/** An object store is not looked through: what goes there is sealed before it leaves. */
function foldersOf(on: Resources): string[] {
  const media = mediaFolder(on)
  return [folderOf(on), ...(media === undefined ? [] : [media])]
}

/** Where media lie on this machine; undefined when they lie in an object store. */
export const mediaFolder = ({ config: { MEDIA_URL } }: Resources): string | undefined =>
  MEDIA_URL.startsWith('file:') ? pathIn(MEDIA_URL) : undefined

const pathIn = (url: string): string =>
  url.startsWith('file://') ? fileURLToPath(url) : url.slice('file:'.length)

async function filesBelow(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  return found
    .filter((one) => one.isFile())
    .map(({ parentPath, name }) => path.join(parentPath, name))
}

/** Undefined when it is gone meanwhile. */
async function beginsSealed(file: string): Promise<boolean | undefined> {
  const handle = await open(file, 'r').catch(() => undefined)
  if (!handle) return undefined
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, 0)
    // One that was opened for writing a moment ago holds nothing of anybody yet.
    return bytesRead === 0 || buffer.equals(MAGIC)
  } finally {
    await handle.close()
  }
}
