import { once } from 'node:events'
import type { Request, Response } from 'express'
import { needFile, type Kept } from '../media/files.ts'
import { extensionOf, isInline, UNKNOWN_TYPE } from '../media/kinds.ts'
import { NoFile, readFile, type Range } from '../media/shelf.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'

export type Http = { req: Request<{ id?: string }>; res: Response }
type Wanted = { org: string; id: string; isSaved: boolean }

/**
 * Hand out a file, whole or one range of it. Whatever its bytes are, a browser shows nothing but pictures, sound and film of
 * its types, and runs nothing of it. Kept by the browser but asked for each time, so that whoever may not see it any more
 * does not. Throws what `needFile` throws, 404 for a file that is lost, 416 for a range it does not have.
 * Source: RFC 9110, sections 13 and 14.
 */
export async function sendMedia(on: Resources, { req, res }: Http, wanted: Wanted): Promise<void> {
  const { org, id, isSaved } = wanted
  const { file, keys } = await on.db.withTenant(org, async (tx) => ({
    file: await needFile(on, tx, org, id),
    keys: await on.keys.of(tx, org),
  }))
  const headers = { ...headersOf(file, isSaved), ETag: `"${id}"` }
  if (req.get('if-none-match') === headers.ETag) return void res.status(304).set(headers).end()
  const { size, location } = file
  const range = rangeOf(req, size, headers.ETag)
  const { start, end } = range ?? { start: 0, end: size }
  await pour(res, readFile(on, { org, location }, { size, range, keys }), () => {
    if (range) res.status(206).set('Content-Range', `bytes ${start}-${end - 1}/${size}`)
    res.set({ ...headers, 'Content-Length': String(end - start) })
  })
}

/** Says nothing before there are bytes, so that a file that is lost is answered as such; no half file looks whole. */
async function pour(res: Response, bytes: AsyncIterable<Buffer>, begin: () => void): Promise<void> {
  const reader = new AbortController()
  res.once('close', () => reader.abort())
  try {
    for await (const part of bytes) {
      if (!res.headersSent) begin()
      if (!res.write(part)) await once(res, 'drain', { signal: reader.signal })
    }
    res.end()
  } catch (error) {
    if (!res.headersSent) throw error instanceof NoFile ? notFound('file') : error
    res.destroy()
    if (!reader.signal.aborted) throw error
  }
}

function headersOf({ mime, name, id }: Kept, isSaved: boolean): Record<string, string> {
  const isShown = !isSaved && isInline(mime)
  const whole = name ?? `${id}${extensionOf(mime)}`
  return {
    'Content-Type': isInline(mime) || mime === 'application/pdf' ? mime : UNKNOWN_TYPE,
    'Content-Disposition': `${isShown ? 'inline' : 'attachment'}; ${fileNames(whole)}`,
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': "default-src 'none'; sandbox; frame-ancestors 'none'",
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cache-Control': 'private, no-cache',
    'Accept-Ranges': 'bytes',
  }
}

/** Both spellings, so that old programs find one; nothing of the name can end the header. Source: RFC 6266; RFC 8187. */
function fileNames(name: string): string {
  const ascii = name.replace(/[^\x20-\x7e]|["\\%;]/g, '_')
  const encoded = encodeURIComponent(name.toWellFormed()).replace(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `filename="${ascii}"; filename*=UTF-8''${encoded}`
}

const RANGE = /^bytes=(?:(\d+)-(\d*)|-(\d+))$/

/** The one range that is asked for; several, or of another version of the file, get all of it. */
function rangeOf(req: Http['req'], size: number, tag: string): Range | undefined {
  const asked = RANGE.exec(req.get('range') ?? '')
  if (!asked || (req.get('if-range') ?? tag) !== tag) return undefined
  const [, from, to, last] = asked
  const start = from === undefined ? Math.max(0, size - Number(last)) : Number(from)
  const end = Math.min(size, Number(to || Infinity) + 1)
  if (start < end) return { start, end }
  throw new Refusal(416, 'no_such_range', `This file has ${size} bytes.`)
}
