import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { rows } from '../db.ts'
import { folderOf } from '../privacy/export-place.ts'
import type { Part } from '../privacy/export-plan.ts'
import { writeExport } from '../privacy/export.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { readDisclosure, requireTwo, type Disclosure } from './disclosures.ts'
import { SCOPE, type Scope } from './scope.ts'
import { tellOrganizations } from './telling.ts'

const MOST_BYTES = 67_108_864
/** The parts of a contact's export that lie within the scope, and none besides. */
function narrowed(parts: Part[], { from, until }: Scope): Part[] {
  return parts
    .filter(({ table }) => table in SCOPE)
    .map((part): Part => {
      // The line that lists a conversation quotes its last message, whenever that was.
      const columns = part.columns.filter(({ name }) => name !== 'last_message_preview')
      const at = SCOPE[part.table]
      if (!at) return Object.assign(part, { columns })
      const where = {
        sql: `${part.where.sql} and ${at} >= ? and ${at} < ?`,
        values: [...part.where.values, from, until],
      }
      return Object.assign(part, { columns, where })
    })
}

/**
 * The data of a disclosure as a ZIP, made by the ordinary exporter and cut to the scope. It is dated at the decision, so
 * that it has the same bytes whenever it is made of the same rows; the first one's hash is kept, and another is refused.
 * The organization is told first, unless that is forbidden.
 *
 * Throws Refusal 403 `two_people`, 409 `not_decided` or `changed`, 404 when the contact is gone, 413.
 */
export async function makePackage(on: Resources, id: string): Promise<Buffer> {
  const disclosure = await readDisclosure(on, id)
  requireTwo(disclosure)
  const { decision, decided_at } = disclosure
  if (!decided_at || (decision !== 'disclosed' && decision !== 'partly'))
    throw new Refusal(409, 'not_decided', 'Decide first that this is to be disclosed.')
  await tellOrganizations(on, on.now())
  const bytes = await exported({ ...on, now: () => decided_at }, disclosure)
  await note(on, disclosure, createHash('sha256').update(bytes).digest())
  return bytes
}

async function exported(on: Resources, { about_org, scope }: Disclosure): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  await mkdir(folderOf(on), { recursive: true, mode: 0o700 })
  await writeExport(
    on,
    { kind: 'contact', org: about_org, id: scope.contact, isKept: true },
    {
      folder: folderOf(on),
      narrow: (parts) => narrowed(parts, scope),
      sink(chunk) {
        size += chunk.length
        if (size > MOST_BYTES)
          throw new Refusal(
            413,
            'too_large',
            'This is more than one package holds: narrow the time.',
          )
        chunks.push(Buffer.from(chunk))
        return Promise.resolve()
      },
    },
  )
  return Buffer.concat(chunks)
}

async function note(on: Resources, { id }: Disclosure, hash: Buffer): Promise<void> {
  const noted = await on.db.withSystem((tx) =>
    rows(
      tx,
      `update disclosures set items_sha256 = :hash, disclosed_at = coalesce(disclosed_at, :now)
        where id = :id and (items_sha256 is null or items_sha256 = :hash) returning id`,
      { id, hash, now: on.now() },
    ),
  )
  if (noted.length === 0)
    throw new Refusal(
      409,
      'changed',
      'The data changed since they were handed over. Enter a new request.',
    )
}
