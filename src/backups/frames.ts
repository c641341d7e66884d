/** What a backup holds, one entry after the other: a head, and bytes. Each part says its length; nothing ends an entry. */
export type Entry = { head: Record<string, unknown>; data: AsyncGenerator<Buffer> }

/** Longer parts do not come from us: rows travel in pieces of a megabyte or so. */
const LONGEST = 64 * 1_048_576

export function frame(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

export const headFrame = (head: object): Buffer => frame(Buffer.from(JSON.stringify(head)))
export const END = Buffer.alloc(4)

/** The stream ended in the middle, or is none of ours. */
export class NotAnEntry extends Error {}

/** Entries as they come, in constant memory; the bytes of one are to be read before the next is asked for. */
export async function* readEntries(chunks: AsyncIterable<Buffer>): AsyncGenerator<Entry> {
  const source = chunks[Symbol.asyncIterator]()
  let rest: Buffer = Buffer.alloc(0)
  const take = async (length: number): Promise<Buffer | undefined> => {
    while (rest.length < length) {
      const next = await source.next()
      if (next.done) return undefined
      rest = Buffer.concat([rest, next.value])
    }
    const taken = rest.subarray(0, length)
    rest = rest.subarray(length)
    return taken
  }
  const part = async (): Promise<Buffer> => {
    const length = (await take(4))?.readUInt32BE()
    const bytes = length === undefined || length > LONGEST ? undefined : await take(length)
    if (!bytes) throw new NotAnEntry('cut off')
    return bytes
  }
  async function* data(): AsyncGenerator<Buffer> {
    for (let bytes = await part(); bytes.length > 0; bytes = await part()) yield bytes
  }
  try {
    for (;;) {
      const first = await take(1)
      if (!first) return
      rest = Buffer.concat([first, rest])
      const head = JSON.parse((await part()).toString('utf8')) as Entry['head']
      const entry = { head, data: data() }
      yield entry
      // Whoever did not read it passes over it.
      for await (const _ of entry.data);
    }
  } finally {
    await source.return?.()
  }
}
