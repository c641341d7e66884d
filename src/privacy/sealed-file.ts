import { open } from 'node:fs/promises'
import {
  keyIdOf,
  NAKED_BYTES,
  open as openEnvelope,
  sealSoon,
  SealError,
  type Place,
  type SealingKey,
} from '../vault.ts'
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

/** Where sealed bytes lie, from `start` to before `end`; fewer when there are no more. */
export type ReadAt = (start: number, end: number) => Promise<Buffer>

/** Enough to hold the name of a key. */
const HEAD_BYTES = 64
const lettersOf = (bytes: number): number => Math.ceil(((bytes + NAKED_BYTES) * 4) / 3)

/**
 * Bytes `start` to before `end` of what `sealChunks` sealed, whose plain bytes are `size`, at least one. All lines but the
 * last are equally long, so only the chunks that hold these bytes are read. Throws SealError as `openChunks` does.
 */
export async function* openRange(
  keys: readonly SealingKey[],
  place: Place,
  { size, read }: { size: number; read: ReadAt },
  { start, end }: { start: number; end: number },
): AsyncGenerator<Buffer> {
  const kid = keyIdOf((await read(0, HEAD_BYTES)).toString('latin1'))
  const before = `v1.${kid}.`.length
  const line = before + lettersOf(CHUNK_BYTES) + 1
  const last = Math.ceil(size / CHUNK_BYTES) - 1
  for (let n = Math.floor(start / CHUNK_BYTES); n <= last && n * CHUNK_BYTES < end; n += 1) {
    const inside = n < last ? CHUNK_BYTES : size - last * CHUNK_BYTES
    const sealed = await read(n * line, n * line + before + lettersOf(inside))
    const plain = openEnvelope(keys, placeOf(place, n, n === last), sealed.toString('latin1'))
    const from = n * CHUNK_BYTES
    yield plain.subarray(Math.max(0, start - from), Math.min(plain.length, end - from))
  }
}
