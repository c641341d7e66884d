import type { Tx } from '../db.ts'
import { rows } from '../db.ts'
import { isId } from '../ids.ts'
import { isMediaKind, type MediaKind } from '../media/kinds.ts'
import { attach, upload, uploadedId, type Attached } from '../media/outgoing.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { SealError } from '../vault.ts'
import type { Outgoing } from './bodies.ts'
import type { Entry } from './claim.ts'
import { judge, type Verdict } from './verdict.ts'

type Content = Record<string, unknown> & { id?: unknown }
/** The file of ours in a body or payload of WhatsApp's shape, by its id; an id of Meta's is passed on as it is. */
type Carried = { kind: MediaKind; content: Content; id: string }

function carriedIn(kind: string, body: object): Carried | undefined {
  const content = (body as Record<string, Content | undefined>)[kind]
  return isMediaKind(kind) && content && isId(content.id)
    ? { kind, content, id: content.id }
    : undefined
}

export type Loaded = { outgoing: Outgoing; attached?: Attached }

/**
 * What is to be stored with a message that carries a file of ours: the file under an id of its own. Throws what `attach`
 * throws.
 */
export async function loaded(
  on: Resources,
  tx: Tx,
  { org, connection }: { org: string; connection: string },
  outgoing: Outgoing,
): Promise<Loaded> {
  const carried = carriedIn(outgoing.kind, outgoing.payload)
  if (!carried) return { outgoing }
  const { kind, content } = carried
  const { attached, fileName } = await attach(on, tx, { org, connection, kind, id: carried.id })
  const name = kind === 'document' && fileName !== null ? { filename: fileName } : {}
  const payload = { ...outgoing.payload, [kind]: { ...name, ...content, id: attached.id } }
  return { outgoing: { ...outgoing, payload }, attached }
}

/** An upload that the network kept back for so long is better decided on by a person, in seconds. */
const PATIENCE_S = 1_800

/**
 * Give WhatsApp the file of an entry before it is posted; undefined when there is none, or it is there. What became of an
 * upload that nobody answered does not matter: it is made again.
 */
export async function provideFile(
  on: Resources,
  entry: Entry,
): Promise<Verdict | 'lost' | undefined> {
  const { type } = entry.body as { type: string }
  if (!carriedIn(type, entry.body)) return undefined
  if (!(await hold(on, entry))) return 'lost'
  try {
    const answer = await upload(on, entry)
    if (!answer) return undefined
    const attempt = Math.ceil(Math.log2(2 + entry.ageS))
    const verdict = judge(answer, {
      attempt: Math.min(attempt, 4),
      ageS: entry.ageS,
      random: Math.random(),
    })
    if (verdict.kind !== 'unknown' && verdict.kind !== 'accepted') return verdict
    const code = 'not_uploaded'
    return entry.ageS < PATIENCE_S
      ? { kind: 'retry', class: 'retry', code, afterMs: attempt * 2_000 }
      : { kind: 'failed', class: 'retry', code, title: null }
  } catch (error) {
    if (error instanceof SealError || error instanceof Refusal)
      return { kind: 'held', code: 'credentials' }
    throw error
  }
}

/** For as long as an upload may take; false when the lease is lost. */
async function hold(on: Resources, { org, message, fence }: Entry): Promise<boolean> {
  const held = await on.db.withTenant(org, (tx) =>
    rows(
      tx,
      `update outbox set lease_until = now() + interval '3 minutes'
        where org_id = ? and message_id = ? and fence = ? and state = 'claimed' returning message_id`,
      [org, message, fence],
    ),
  )
  return held.length > 0
}

/** The body as WhatsApp knows it: with its own id of the file. */
export async function withUpload(tx: Tx, { org, message, body }: Entry): Promise<object> {
  const { type } = body as { type: string }
  const carried = carriedIn(type, body)
  if (!carried) return body
  const id = await uploadedId(tx, org, message)
  return { ...body, [type]: { ...carried.content, id } }
}
