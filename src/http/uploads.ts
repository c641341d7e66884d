import express, { type Request, type Response } from 'express'
import { Refusal } from '../refusal.ts'

export type Upload = { name: string; bytes: Buffer }

const MULTIPART = 'multipart/form-data'

/**
 * Reads a form that may carry files, at most `limit` bytes of it; its other fields become `req.body`, as those of any
 * form. A form without files may as well come the usual way. Throws Refusal 413 and 400.
 */
export async function readUploads(req: Request, res: Response, limit: number): Promise<Upload[]> {
  if (!req.is(MULTIPART)) return []
  const bytes = await readRaw(req, res, limit)
  req.body = {}
  const form = await formOf(bytes, req.get('content-type') ?? '')
  const fields: Record<string, string> = {}
  const uploads: Upload[] = []
  for (const [name, value] of form) {
    if (typeof value === 'string') fields[name] = value
    // A field in which nothing was chosen comes as a file without a name.
    else if (value.name !== '' || value.size > 0)
      uploads.push({ name: value.name, bytes: Buffer.from(await value.arrayBuffer()) })
  }
  req.body = fields
  return uploads
}

function readRaw(req: Request, res: Response, limit: number): Promise<Buffer> {
  const read = express.raw({ type: MULTIPART, limit })
  return new Promise((resolve, reject) => {
    read(req, res, (error?: unknown) => {
      const body: unknown = req.body
      // What is typed in a form is shown again when it is refused; these bytes are not that.
      req.body = {}
      if (error === undefined) resolve(Buffer.isBuffer(body) ? body : Buffer.alloc(0))
      else reject(tooLarge(error, limit))
    })
  })
}

function tooLarge(error: unknown, limit: number): unknown {
  const { status } = error as { status?: number }
  const most = `${Math.floor(limit / 1_048_576)} MB`
  return status === 413
    ? new Refusal(
        413,
        'too_large',
        `This is more than ${most} in all. Send less, or smaller files.`,
      )
    : error
}

/** The parser of the platform, over bytes whose number is bounded. */
async function formOf(bytes: Buffer, type: string): Promise<FormData> {
  try {
    return await new globalThis.Response(new Uint8Array(bytes), {
      headers: { 'content-type': type },
    }).formData()
  } catch {
    throw new Refusal(400, 'bad_form', 'The form could not be read. Try again.')
  }
}
