import { randomUUID } from 'node:crypto'
import { extensionOf } from './kinds.ts'

type File = { id: string; mime: string; size: number; name: string | null }
export type Form = { type: string; size: number; bytes: AsyncIterable<Buffer> }

/** The three fields Meta asks for. Source: WhatsApp Cloud API, upload media; RFC 7578. */
export function formOf({ mime, size, name, id }: File, bytes: AsyncIterable<Buffer>): Form {
  const boundary = `form-${randomUUID()}`
  const file = (name ?? `${id}${extensionOf(mime)}`).replace(/["\\\r\n]/g, '_')
  const type = mime === 'audio/ogg' ? 'audio/ogg; codecs=opus' : mime
  const field = (what: string, value: string): string =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${what}"\r\n\r\n${value}\r\n`
  const head = Buffer.from(
    `${field('messaging_product', 'whatsapp')}${field('type', mime)}--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${file}"\r\nContent-Type: ${type}\r\n\r\n`,
  )
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`)
  return {
    type: `multipart/form-data; boundary=${boundary}`,
    size: head.length + size + tail.length,
    bytes: around(head, bytes, tail),
  }
}

async function* around(
  head: Buffer,
  bytes: AsyncIterable<Buffer>,
  tail: Buffer,
): AsyncGenerator<Buffer> {
  yield head
  yield* bytes
  yield tail
}
