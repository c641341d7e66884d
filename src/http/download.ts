import { once } from 'node:events'
import type { Response } from 'express'

/**
 * Send bytes as a file that is saved, not shown, as fast as the other side takes them. Headers go with the first bytes,
 * so whatever fails before is answered as an error; after that the connection breaks, and no half file looks whole.
 */
export async function sendDownload(
  res: Response,
  name: string,
  write: (sink: (bytes: Buffer) => Promise<void>) => Promise<void>,
): Promise<void> {
  const reader = new AbortController()
  res.once('close', () => reader.abort())
  res.type('application/zip').set({
    'Content-Disposition': `attachment; filename="${name}"`,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  })
  try {
    await write(async (bytes) => {
      reader.signal.throwIfAborted()
      if (!res.write(bytes)) await once(res, 'drain', { signal: reader.signal })
    })
    res.end()
  } catch (error) {
    if (!res.headersSent) {
      for (const header of ['Content-Type', 'Content-Disposition']) res.removeHeader(header)
      throw error
    }
    res.destroy()
    if (!reader.signal.aborted) throw error
  }
}
