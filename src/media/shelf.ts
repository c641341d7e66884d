import { mkdir, open, readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { newId } from '../ids.ts'
import { mediaFolder } from '../privacy/stored-files.ts'
import { CHUNK_BYTES, openRange, sealChunks } from '../privacy/sealed-file.ts'
import type { Resources } from '../resources.ts'
import { SealError, type SealingKey } from '../vault.ts'

/** Where the bytes of one file lie: the organization, and what its row calls the place. */
export type Spot = { org: string; location: string }

/** A new place for a file: a folder for each month, so that none grows without end, and a name nobody can guess. */
export const newLocation = (now: Date): string => `${now.toISOString().slice(0, 7)}/${newId()}`

const rootOf = (on: Resources): string => {
  const folder = mediaFolder(on)
  if (folder === undefined) throw new Error('MEDIA_URL names a store that is not served here')
  return folder
}
const fileOf = (on: Resources, { org, location }: Spot): string =>
  path.join(rootOf(on), org, location)

/** What the chunks of a file are bound to. */
const placeOf = ({ org, location }: Spot) => ({
  purpose: 'media',
  org,
  row: location.slice(location.indexOf('/') + 1),
})

/** Takes the bytes of a file, in order; it is kept once `end` resolves, and after `abort` there is none. */
export type Keeping = {
  write(bytes: Buffer): Promise<void>
  end(): Promise<void>
  abort(): Promise<void>
}

/** Open a new file; each chunk of 1 MiB is sealed before it is written. */
export async function keepFile(on: Resources, spot: Spot, key: SealingKey): Promise<Keeping> {
  const name = fileOf(on, spot)
  await mkdir(path.dirname(name), { recursive: true, mode: 0o700 })
  const file = await open(name, 'wx', 0o600)
  const sealed = sealChunks(key, placeOf(spot), (bytes) => file.writeFile(bytes))
  return {
    write: sealed.write,
    async end() {
      await sealed.end()
      await file.sync()
      await file.close()
    },
    async abort() {
      await file.close().catch(() => undefined)
      await removeFile(on, spot)
    },
  }
}

export type Range = { start: number; end: number }

/** A file that should be there is not, or does not open. */
export class NoFile extends Error {}

/** The plain bytes of a file of `size` bytes, whole or from `start` to before `end`. Throws NoFile. */
export async function* readFile(
  on: Resources,
  spot: Spot,
  { size, range, keys }: { size: number; range?: Range | undefined; keys: readonly SealingKey[] },
): AsyncGenerator<Buffer> {
  const file = await open(fileOf(on, spot), 'r').catch(() => undefined)
  if (!file) throw new NoFile()
  const read = async (start: number, end: number): Promise<Buffer> => {
    const wanted = Buffer.allocUnsafe(Math.min(end - start, 2 * CHUNK_BYTES))
    const { bytesRead } = await file.read(wanted, 0, wanted.length, start)
    return wanted.subarray(0, bytesRead)
  }
  try {
    yield* openRange(keys, placeOf(spot), { size, read }, range ?? { start: 0, end: size })
  } catch (error) {
    if (error instanceof SealError) throw new NoFile()
    throw error
  } finally {
    await file.close()
  }
}

/** Gone afterwards, whether or not it was there. */
export const removeFile = (on: Resources, spot: Spot): Promise<void> =>
  rm(fileOf(on, spot), { force: true })

/** Everything of an organization but what lies at these places. */
export async function removeAllFiles(
  on: Resources,
  org: string,
  kept: ReadonlySet<string> = new Set(),
): Promise<void> {
  const folder = path.join(rootOf(on), org)
  if (kept.size === 0) return rm(folder, { recursive: true, force: true })
  for (const month of await readdir(folder).catch(() => []))
    for (const name of await readdir(path.join(folder, month)).catch(() => []))
      if (!kept.has(`${month}/${name}`)) await rm(path.join(folder, month, name), { force: true })
}
