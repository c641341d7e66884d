import { createHash } from 'node:crypto'
import { badToken, GraphRefusal, unknownObject } from './graph-refusals.ts'
import { sampleOf, isSample, type Sample } from './samples.ts'
import type { Line, Sandbox } from './state.ts'
import { dropUpload, uploadOf } from './uploads.ts'
import { mediaIdOf } from './wire-format.ts'

const LIFE_MS = 7 * 86_400_000
/** How long an address is good for. Source: Cloud API, media. */
const ADDRESS_MS = 300_000

/** A file that a customer of this line sent, by Meta's id; throws GraphRefusal 100 for another id and one that is over. */
function fileOf(box: Sandbox, line: Line, id: string): Sample {
  const uploaded = uploadOf(line, id)
  if (uploaded) return uploaded
  const found = line.people
    .flatMap(({ chat }) => chat)
    .find((entry) => entry.side === 'customer' && isSample(entry.kind) && mediaIdOf(entry) === id)
  const isOver = found && box.on.now().getTime() - found.at > LIFE_MS
  if (!found || isOver || !isSample(found.kind)) throw unknownObject()
  return sampleOf(found.kind)
}

/** `GET /{media-id}`: where the file lies for the next five minutes. */
export function describeMedia(box: Sandbox, line: Line, id: string): Record<string, unknown> {
  const { bytes, mime } = fileOf(box, line, id)
  const until = box.on.now().getTime() + ADDRESS_MS
  return {
    messaging_product: 'whatsapp',
    url: `${box.on.config.GRAPH_API_URL}/bytes/${id}?until=${until}`,
    mime_type: mime,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    file_size: bytes.length,
    id,
  }
}

/** `DELETE /{media-id}` of a file that the business uploaded; throws GraphRefusal 100 for another id. */
export function deleteMedia(line: Line, id: string): object {
  if (!dropUpload(line, id)) throw unknownObject()
  return { success: true }
}

/** The bytes at such an address; throws GraphRefusal 404 when it is over. */
export function downloadMedia(
  box: Sandbox,
  line: Line,
  { id, until }: { id: string; until: unknown },
): Sample {
  if (line.switches.token_revoked) throw badToken('This access token was revoked.', 458)
  if (Number(until) < box.on.now().getTime())
    throw new GraphRefusal({ status: 404, code: 100 }, 'Not found', 'This address is over.')
  return fileOf(box, line, id)
}
