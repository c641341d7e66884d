import { rows } from '../db.ts'
import { newId } from '../ids.ts'
import { DAY_MS } from '../privacy/limits.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { SealError } from '../vault.ts'
import { sealName } from './arriving.ts'
import { SENDABLE, UNKNOWN_TYPE, type MediaKind } from './kinds.ts'
import { pour, TooLarge, type Poured } from './pour.ts'
import { kindFor } from './sendable.ts'
import { keepFile, newLocation } from './shelf.ts'
import { agreedType, dimensionsOf, typeOf } from './sniff.ts'

/** A file that somebody gives us to send, as it comes. */
export type Given = { name: string; declared: string; bytes: AsyncIterable<Buffer> }
/** Whose it is: a person's, who sends it soon, or a program's, which may send it for as long as Meta keeps such files. */
export type Giver = { org: string; user: string | null }
/** `kind` is what it is best sent as. */
export type Uploaded = {
  id: string
  kind: MediaKind
  mime: string
  name: string
  size: number
  sha256: string
}

const KEPT_MS = { person: DAY_MS, program: 30 * DAY_MS } as const

/**
 * Keep a file that is to be sent, sealed, without holding it in memory. The row comes first and names the place, so that an
 * upload that breaks off is found and removed. Throws Refusal 422 `empty_file` and 413 `too_large`.
 */
export async function keepUpload(on: Resources, by: Giver, given: Given): Promise<Uploaded> {
  const { org } = by
  const id = newId()
  const location = newLocation(on.now())
  const key = await begin(on, by, { id, location, name: given.name })
  const file = await keepFile(on, { org, location }, key)
  try {
    const got = await pour(given.bytes, SENDABLE.document.most, (bytes) => file.write(bytes))
    if (got.size === 0) throw new Refusal(422, 'empty_file', 'This file is empty.')
    await file.end()
    return await finish(on, { org, id }, { given, got })
  } catch (error) {
    await file.abort()
    await forget(on, { org, id })
    throw error instanceof TooLarge ? tooLarge() : error
  }
}

const tooLarge = (): Refusal =>
  new Refusal(413, 'too_large', 'WhatsApp takes files of at most 100 MB.')

type At = { org: string; id: string }

async function begin(
  on: Resources,
  { org, user }: Giver,
  { id, location, name }: { id: string; location: string; name: string },
) {
  const now = on.now().getTime()
  const until = new Date(now + (user === null ? KEPT_MS.program : KEPT_MS.person))
  return on.db.withTenant(org, async (tx) => {
    const [key] = await on.keys.of(tx, org)
    if (!key) throw new SealError()
    await tx('media').insert({
      org_id: org,
      id,
      kind: 'document',
      name: await sealName(on, tx, { org, id }, name),
      location,
      key_id: key.id,
      status: 'receiving',
      kept_until: until,
      uploaded_by: user,
      created_at: on.now(),
    })
    return key
  })
}

async function finish(
  on: Resources,
  { org, id }: At,
  { given, got }: { given: Given; got: Poured },
): Promise<Uploaded> {
  const { size, sha256, head } = got
  // A browser guesses the type from the name, so where the bytes tell another they are believed.
  const agreed = agreedType(given.declared, head)
  const mime = agreed === UNKNOWN_TYPE ? (typeOf(head) ?? UNKNOWN_TYPE) : agreed
  const kind = kindFor({ mime, size, head })
  const { width = null, height = null } = dimensionsOf(mime, head) ?? {}
  await on.db.withTenant(org, (tx) =>
    tx('media')
      .where({ org_id: org, id, status: 'receiving' })
      .update({ status: 'stored', kind, mime, size, sha256, width, height }),
  )
  return { id, kind, mime, name: given.name, size, sha256: sha256.toString('hex') }
}

/** What broke off is nobody's: the sweep removes whatever lies there, and the row. */
const forget = (on: Resources, { org, id }: At): Promise<unknown> =>
  on.db.withTenant(org, (tx) =>
    rows(
      tx,
      'update media set kept_until = null where org_id = ? and id = ? and message_id is null',
      [org, id],
    ),
  )

/** Whoever uploaded it does not send it after all. Throws Refusal 404. */
export async function dropUpload(on: Resources, { org, user }: Giver, id: string): Promise<void> {
  const dropped = await on.db.withTenant(org, (tx) =>
    rows(
      tx,
      `update media set kept_until = null where org_id = ? and id = ? and message_id is null
          and uploaded_by is not distinct from cast(? as uuid) returning id`,
      [org, id, user],
    ),
  )
  if (dropped.length === 0) throw notFound('file')
}

export const noFile = (): Refusal =>
  new Refusal(422, 'no_file', 'Choose a file first.', { file: 'Choose a file.' })
