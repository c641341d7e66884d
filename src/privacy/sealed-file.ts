import { open } from 'node:fs/promises'
import { open as openEnvelope, sealSoon, SealError, type Place, type SealingKey } from '../vault.ts'
import type { Sink } from './zip.ts'

export const CHUNK_BYTES = 1_048_576

/**
 * Where one chunk belongs: its number and whether it is the last are part of what it is bound to, so chunks that were
 * moved, left out or cut off do not open.
 */
const placeOf = (place: Place, index: number, isLast: boolean): Place => ({
  ...place,
  row: `${place.row}_${index}_${isLast ? 'last' : 'more'}`,
})

/** Seals a stream in chunks of 1 MiB, one envelope a line; `end` seals the last one, which may be empty. */
export function sealChunks(
  key: SealingKey,
  place: Place,
  sink: Sink,
): { write: Sink; end(): Promise<void> } {
  let waiting: Buffer[] = []
  let bytes = 0
  let index = 0
  const put = async (plain: Buffer, isLast: boolean): Promise<void> => {
    await sink(Buffer.from(`${await sealSoon(key, placeOf(place, index, isLast), plain)}\n`))
    index += 1
  }
  return {
    async write(part) {
      waiting.push(part)
      bytes += part.length
      if (bytes <= CHUNK_BYTES) return
      let rest = Buffer.concat(waiting)
      // What is left may be the last chunk, so at least a byte of it waits.
      for (; rest.length > CHUNK_BYTES; rest = rest.subarray(CHUNK_BYTES))
        await put(rest.subarray(0, CHUNK_BYTES), false)
      waiting = [rest]
      bytes = rest.length
    },
    end: () => put(Buffer.concat(waiting), true),
  }
}

/** The bytes that `sealChunks` sealed, behind `skip` lines of something else; throws SealError at the first chunk that is not as it was written. */
export async function* openChunks(
  keys: readonly SealingKey[],
  place: Place,
  path: string,
  { skip = 0 }: { skip?: number } = {},
): AsyncGenerator<Buffer> {
  const file = await open(path, 'r')
  let [index, waiting, passed] = [0, '', 0]
  try {
    for await (const line of file.readLines({ autoClose: false })) {
      if (passed < skip) {
        passed += 1
        continue
      }
      if (waiting !== '') {
        yield openEnvelope(keys, placeOf(place, index, false), waiting)
        index += 1
      }
      waiting = line
    }
    if (waiting === '') throw new SealError()
    yield openEnvelope(keys, placeOf(place, index, true), waiting)
  } finally {
    await file.close()
  }
}
