import { randomInt } from 'node:crypto'
import { badParameter } from './graph-refusals.ts'
import type { Sample } from './samples.ts'
import type { Line } from './state.ts'

/** What the business uploaded, by Meta's id: kept while this process runs, the newest ones of a line. */
const kept = new WeakMap<Line, Map<string, Sample>>()
const MOST_KEPT = 20

export const uploadOf = (line: Line, id: string): Sample | undefined => kept.get(line)?.get(id)

/** False where there is no such upload. */
export const dropUpload = (line: Line, id: string): boolean => kept.get(line)?.delete(id) ?? false

/** `POST /{phone-number-id}/media`; throws GraphRefusal 100. Source: Cloud API, upload media. */
export async function keepUpload(line: Line, given: Given): Promise<{ id: string }> {
  const form = await formOf(given)
  const file = form.get('file')
  if (form.get('messaging_product') !== 'whatsapp')
    throw badParameter('Parameter messaging_product must be whatsapp.')
  if (!(file instanceof File) || file.size === 0) throw badParameter('Parameter file is required.')
  const id = String(randomInt(1e14, 2.8e14)).padStart(15, '9')
  const uploads = kept.get(line) ?? new Map<string, Sample>()
  kept.set(line, uploads)
  uploads.set(id, {
    bytes: Buffer.from(await file.arrayBuffer()),
    mime: file.type,
    name: file.name,
  })
  const [oldest] = uploads.keys()
  if (uploads.size > MOST_KEPT && oldest !== undefined) uploads.delete(oldest)
  return { id }
}

/** A form as it came. */
export type Given = { body: unknown; type: string }

async function formOf({ body, type }: Given): Promise<FormData> {
  try {
    return await new Response(new Uint8Array(Buffer.isBuffer(body) ? body : Buffer.alloc(0)), {
      headers: { 'content-type': type },
    }).formData()
  } catch {
    throw badParameter('The body must be multipart/form-data.')
  }
}
