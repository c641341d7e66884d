import type { Readable } from 'node:stream'
import { z } from 'zod'
import type { Answer, Streamed } from '../egress-request.ts'
import { DAY_MS } from '../privacy/limits.ts'
import type { Resources } from '../resources.ts'
import type { Claimed } from './claim.ts'
import { MOST_TAKEN } from './kinds.ts'
import { pour, TooLarge, type Poured } from './pour.ts'
import { agreedType, dimensionsOf, type Dimensions } from './sniff.ts'
import { keepFile } from './shelf.ts'

export type Got = { size: number; sha256: Buffer; mime: string; dimensions: Dimensions | undefined }
/** How an attempt ended; `error` is a word of ours. `again` is tried later, the others are the end. */
export type Outcome =
  ({ kind: 'stored' } & Got) | { kind: 'again' | 'failed' | 'expired' | 'refused'; error: string }

const Found = z.object({
  url: z.string().max(4_096),
  mime_type: z.string().max(255).optional(),
  sha256: z.string().max(128).optional(),
  file_size: z.coerce.number().optional().catch(undefined),
})
type Found = z.infer<typeof Found>

/** An id that WhatsApp does not know may be known a little later; after this it is gone. */
const UNKNOWN_MS = 3_600_000
const TRIES_WRONG = 6
const LIFE_MS = 7 * DAY_MS

/**
 * Ask WhatsApp where the file lies, fetch it from there and keep it sealed. An address is good for five minutes and is asked
 * for anew each time; the token goes only to hosts of the register, a redirect nowhere.
 * Source: WhatsApp Cloud API, media: retrieve the URL, download.
 */
export async function askForFile(on: Resources, claimed: Claimed): Promise<Outcome> {
  for (let isFresh = false; ; isFresh = true) {
    const found = await ask(on, claimed)
    if ('kind' in found) return found
    const outcome = await download(on, claimed, found)
    // The address was used up on the way; a new one may do.
    if (outcome.kind !== 'again' || outcome.error !== 'address_over' || isFresh) return outcome
  }
}

async function ask(on: Resources, claimed: Claimed): Promise<Found | Outcome> {
  const { org, token, graph_id, phone_number_id } = claimed
  const answer = await on.egress.graph({
    purpose: 'fetch_media',
    org,
    method: 'GET',
    path: `/${graph_id}?phone_number_id=${phone_number_id}`,
    token,
    timeoutMs: 15_000,
  })
  if (answer.outcome !== 'answered') return { kind: 'again', error: 'unreachable' }
  if (answer.status !== 200) return refusalOf(on, claimed, answer)
  const found = Found.safeParse(jsonOf(answer.body))
  if (!found.success) return { kind: 'again', error: 'odd_answer' }
  const isTooLarge = (found.data.file_size ?? 0) > MOST_TAKEN[claimed.kind]
  return isTooLarge ? { kind: 'refused', error: 'too_large' } : found.data
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

const Refused = z.object({ error: z.object({ code: z.number() }) })

function refusalOf(
  on: Resources,
  { created_at, said_at }: Claimed,
  { status, body }: Extract<Answer, { outcome: 'answered' }>,
): Outcome {
  const refused = Refused.safeParse(jsonOf(body))
  const code = refused.success ? refused.data.error.code : 0
  if (status === 401 || code === 190 || code === 10 || code === 200)
    return { kind: 'again', error: 'credentials' }
  if (status !== 404 && code !== 100) return { kind: 'again', error: `status_${status}` }
  const now = on.now().getTime()
  const isOver = now - said_at.getTime() >= LIFE_MS || now - created_at.getTime() >= UNKNOWN_MS
  return isOver ? { kind: 'expired', error: 'not_there' } : { kind: 'again', error: 'not_there' }
}

async function download(on: Resources, claimed: Claimed, found: Found): Promise<Outcome> {
  const { org, token } = claimed
  const answer: Streamed = await on.egress.fetch({
    purpose: 'fetch_media',
    org,
    url: found.url,
    token,
  })
  if (answer.outcome !== 'answered')
    return {
      kind: 'again',
      error: answer.reason === 'EGRESS_DENIED' ? 'foreign_host' : 'unreachable',
    }
  const { status, body } = answer
  if (status === 200) return keep(on, claimed, found, body)
  discard(body)
  if (status >= 300 && status < 400) return { kind: 'again', error: 'redirected' }
  const isOver = [401, 403, 404, 410].includes(status)
  return { kind: 'again', error: isOver ? 'address_over' : `status_${status}` }
}

/** What is left of an answer is not read; that it breaks off then is no error. */
const discard = (body: Readable): unknown => body.on('error', () => undefined).destroy()

async function keep(
  on: Resources,
  claimed: Claimed,
  found: Found,
  body: Readable,
): Promise<Outcome> {
  const file = await keepFile(on, claimed, claimed.key).catch((error: unknown) => {
    discard(body)
    throw error
  })
  try {
    const got = await pour(body, MOST_TAKEN[claimed.kind], (bytes) => file.write(bytes))
    const wrong = faultOf(got, found)
    if (wrong) {
      await file.abort()
      const isEnd = claimed.attempts >= TRIES_WRONG
      return { kind: isEnd ? 'failed' : 'again', error: wrong }
    }
    await file.end()
    const { head, size, sha256 } = got
    const mime = agreedType(found.mime_type ?? claimed.mime ?? '', head)
    return { kind: 'stored', size, sha256, mime, dimensions: dimensionsOf(mime, head) }
  } catch (error) {
    await file.abort()
    return errorOf(on, claimed, error)
  }
}

const NETWORK = /^(UND_ERR_|ECONN|EPIPE|ETIMEDOUT)/

/** A connection that breaks is tried again; so is a full disk, which a person is told of by the log. */
function errorOf(on: Resources, { org, id }: Claimed, error: unknown): Outcome {
  const { code = '', name } = error as { code?: string; name?: string }
  const isTooLarge = error instanceof TooLarge || code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE'
  if (isTooLarge) return { kind: 'refused', error: 'too_large' }
  if (NETWORK.test(code) || name === 'TimeoutError' || name === 'AbortError')
    return { kind: 'again', error: 'broken_off' }
  on.log.error({ err: error, org, media: id }, 'file not kept')
  return { kind: 'again', error: 'storage' }
}

/** WhatsApp gives the hash in hex here and in base64 in a webhook; what is neither says nothing. */
function faultOf({ size, sha256 }: Poured, { sha256: told = '' }: Found): string | undefined {
  if (size === 0) return 'empty'
  const isHash = /^([0-9a-f]{64}|[A-Za-z0-9+/]{43}=)$/i.test(told)
  const isSame = [sha256.toString('hex'), sha256.toString('base64')].some(
    (own) => own === told || own === told.toLowerCase(),
  )
  return isHash && !isSame ? 'wrong_hash' : undefined
}
