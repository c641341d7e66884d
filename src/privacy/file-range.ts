import type { FileHandle } from 'node:fs/promises'

const STEP = 262_144

/** The bytes of an open file from `start` to before `end`, fewer when it is shorter; the file stays open. */
export async function* readRange(
  file: FileHandle,
  start: number,
  end: number,
): AsyncGenerator<Buffer> {
  for (let at = start; at < end;) {
    const size = Math.min(STEP, end - at)
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(size), 0, size, at)
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
    at += bytesRead
  }
}
