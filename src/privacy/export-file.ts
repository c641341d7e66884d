import { createHash } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import path from 'node:path'
import { rows } from '../db.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { writeExport } from './export.ts'
import type { ExportSubject } from './export-plan.ts'

export type FileMade = { file: string; sha256: string; records: Record<string, number> }

/**
 * Export a subject into a new ZIP at `out`, readable by the account of this process only; after a failure there is no
 * file. Throws Refusal 409 `file_exists` when there is one already, 422 when it cannot be written, and what
 * `writeExport` throws.
 */
export async function exportToFile(
  on: Resources,
  subject: ExportSubject,
  out: string,
): Promise<FileMade> {
  const target = path.resolve(out)
  const file = await open(target, 'wx', 0o600).catch((error: { code?: string }) => {
    throw error.code === 'EEXIST'
      ? new Refusal(409, 'file_exists', 'This file exists already: name a new one.')
      : new Refusal(422, 'not_writable', `The file cannot be written there (${error.code}).`)
  })
  const sha = createHash('sha256')
  try {
    const records = await writeExport(on, subject, {
      folder: path.dirname(target),
      sink: async (bytes) => {
        sha.update(bytes)
        await file.writeFile(bytes)
      },
    })
    await file.close()
    return { file: target, sha256: sha.digest('hex'), records }
  } catch (error) {
    await file.close()
    await rm(target, { force: true })
    throw error
  }
}

/** The organization that has this contact, for whoever operates the installation. Throws Refusal 404. */
export async function organizationOfContact(on: Resources, contact: string): Promise<string> {
  const orgs = await on.db.withSystem((tx) =>
    rows<{ org_id: string }>(tx, 'select org_id from organizations order by org_id'),
  )
  const found: string[] = []
  for (const { org_id: org } of orgs) {
    const sql = 'select from contacts where org_id = ? and id = ?'
    const own = await on.db.withTenant(org, (tx) => rows(tx, sql, [org, contact]))
    if (own.length > 0) found.push(org)
  }
  const [org, ...others] = found
  if (org === undefined) throw notFound('contact')
  // An imported contact keeps its id, so two organizations may have it.
  if (others.length === 0) return org
  throw new Refusal(409, 'ambiguous', 'Several organizations have this contact: add --org ID.')
}
