import type { Request, Response } from 'express'
import type { z } from 'zod'
import { readForm } from '../http/forms.ts'
import { readUploads } from '../http/uploads.ts'
import { checkFiles, MOST_BYTES, MOST_FILES, readFile, type Attachment } from './files.ts'
import { masked, maskedRefusal } from './message-form.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'

/** Files, and room for the words. */
const LIMIT = MOST_FILES * MOST_BYTES + 65_536

/**
 * A message as it was sent, with its files. What looks like a secret is masked in the form that is shown again, and goes
 * nowhere: neither into a table nor to a person.
 */
export async function readMessage<T extends z.ZodType<object>>(
  schema: T,
  req: Request,
  res: Response,
): Promise<z.infer<T> & { files: Attachment[] }> {
  const uploads = await readUploads(req, res, LIMIT)
  const form = readForm(schema, req)
  const { values, found } = masked(form)
  if (found > 0) {
    req.body = values
    throw maskedRefusal(found)
  }
  return { ...form, files: checkFiles(uploads) }
}

/** A file of a ticket whose reader was checked: always saved, never shown, and nothing in it runs. */
export async function sendFile(
  on: Resources,
  res: Response,
  { ticket, id }: { ticket: string; id: string },
): Promise<void> {
  const file = await on.db.withSystem((tx) => readFile(on, tx, { ticket, id }))
  if (!file) throw notFound('file')
  res
    .attachment(file.name)
    .type(file.mime)
    .set({
      'X-Content-Type-Options': 'nosniff',
      'Content-Security-Policy': "sandbox; default-src 'none'",
    })
    .send(file.bytes)
}
