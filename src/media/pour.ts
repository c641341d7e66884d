import { createHash } from 'node:crypto'
import { HEAD_BYTES } from './sniff.ts'

/** More bytes came than may come. */
export class TooLarge extends Error {}

export type Poured = { size: number; sha256: Buffer; head: Buffer }

/** Hand on at most `most` bytes of a stream, noting what they are. Throws TooLarge at the first byte beyond. */
export async function pour(
  from: AsyncIterable<Buffer>,
  most: number,
  write: (bytes: Buffer) => Promise<void>,
): Promise<Poured> {
  const sha = createHash('sha256')
  let [size, head] = [0, Buffer.alloc(0)]
  for await (const bytes of from) {
    size += bytes.length
    if (size > most) throw new TooLarge()
    sha.update(bytes)
    if (head.length < HEAD_BYTES)
      head = Buffer.concat([head, bytes.subarray(0, HEAD_BYTES - head.length)])
    await write(bytes)
  }
  return { size, sha256: sha.digest(), head }
}
