import { rows, type Tx } from '../db.ts'
import { DAY_MS } from '../privacy/limits.ts'
import { manifestHash } from '../privacy/manifest.ts'
import type { Resources } from '../resources.ts'
import { signCertificate } from './certificate.ts'
import type { Deletion } from './deletion.ts'

/** In one sentence, what holds for backups. Source: promise P43. */
const BACKUPS =
  'Backups made before are encrypted and gone by backups_clear_at; one that is restored earlier deletes this again before anybody is let in.'

export type End = { purged: Date; clear: Date; certificate: object; signature: string }

/**
 * How a deletion that ends now is written down, with its signed statement. Done a second time, after a restore, it keeps
 * the statement of the first, and another one is put beside it.
 */
export async function endOf(on: Resources, tx: Tx, deletion: Deletion): Promise<End> {
  const { first } = deletion
  const now = on.now()
  const [purged, clear] = first
    ? [new Date(first.purged_at), new Date(first.backups_clear_at)]
    : [now, new Date(now.getTime() + on.config.BACKUP_RETENTION_DAYS * DAY_MS)]
  const [row] = await rows<{ code: string }>(
    tx,
    `select encode(code_digest, 'hex') as code from deletions where id = ?`,
    [deletion.id],
  )
  const statement = {
    ...statementOf(deletion, { code: row?.code ?? '', purged: now, clear }),
    contact: on.config.PRIVACY_CONTACT,
  }
  if (!first) {
    const { certificate, signature, key } = signCertificate(on.vault, statement)
    return { purged, clear, certificate: { certificate, key }, signature }
  }
  const again = signCertificate(on.vault, { ...statement, restored_from: first.backup_made_at })
  return { purged, clear, certificate: { ...first.certificate, again }, signature: first.signature }
}

type Facts = { code: string; purged: Date; clear: Date }

function statementOf(deletion: Deletion, { code, purged, clear }: Facts): Record<string, unknown> {
  const steps = Object.fromEntries(
    Object.entries(deletion.steps).map(([name, { counts, notes }]) => [
      name,
      { counts, ...(notes ? { notes } : {}) },
    ]),
  )
  return {
    v: 1,
    kind: deletion.kind,
    code_sha256: code,
    requested_at: deletion.requested_at.toISOString(),
    confirmed_at: deletion.confirmed_at?.toISOString() ?? null,
    deadline_at: deletion.deadline_at.toISOString(),
    purged_at: purged.toISOString(),
    backups_clear_at: clear.toISOString(),
    backups: BACKUPS,
    key_store: 'database',
    manifest: manifestHash(),
    steps,
    ...(deletion.retained
      ? { retained_by_law: { ...deletion.retained, until: purged.toISOString() } }
      : {}),
  }
}
