import { access } from 'node:fs/promises'
import { audit, byPerson, type Source } from '../audit/audit.ts'
import { rows } from '../db.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { keysFor, placeFor, sealedOf } from './export-place.ts'
import type { Export } from './exports.ts'
import { openChunks } from './sealed-file.ts'

/** How often one may be fetched. Source: privacy promise P51. */
export const MOST_DOWNLOADS = 5

/** Whether its file can be fetched now. */
export const isReady = (on: Resources, { state, expires_at, downloads }: Export): boolean =>
  state === 'ready' && expires_at > on.now() && downloads < MOST_DOWNLOADS

/** Who fetches, and where they are signed in: that organization's log tells of it. */
type Reader = { user: string; org: string; source: Source }

/**
 * The ZIP, opened as it is read, for the one person who asked for it; `of` says whose it is, null for a person's own. Each
 * time counts, from the first byte on, and is told in the audit log. Throws Refusal 404 when it is not theirs, 409
 * while it is made, 410 when its time is over or it was fetched as often as it may be.
 */
export async function fetchExport(
  on: Resources,
  reader: Reader,
  { id, of }: { id: string; of: string | null },
): Promise<{ name: string; bytes: AsyncGenerator<Buffer> }> {
  const [found] = await on.db.withSystem((tx) =>
    rows<Export>(
      tx,
      `select * from exports where id = ? and requested_by = ? and org_id is not distinct from cast(? as uuid)`,
      [id, reader.user, of],
    ),
  )
  if (!found) throw notFound('export')
  if (['pending', 'running'].includes(found.state))
    throw new Refusal(409, 'not_ready', 'This export is still being made.')
  if (found.state === 'superseded')
    throw new Refusal(
      410,
      'export_superseded',
      'Somebody in this export was erased or restricted since, so it was deleted. Ask for a new one.',
    )
  const file = sealedOf(on, found)
  await countDownload(on, reader, found)
  const day = found.created_at.toISOString().slice(0, 10)
  return {
    name: `chatflow-${found.kind}-${day}.zip`,
    bytes: openChunks(await keysFor(on, found), placeFor(found), file),
  }
}

async function countDownload(on: Resources, reader: Reader, found: Export): Promise<void> {
  if (found.downloads >= MOST_DOWNLOADS) throw fetchedOften()
  const isThere = await access(sealedOf(on, found)).then(
    () => true,
    () => false,
  )
  if (!isReady(on, found) || !isThere)
    throw new Refusal(410, 'export_gone', 'The time of this export is over. Ask for a new one.')
  const { id, kind } = found
  await on.db.withSystem(async (tx) => {
    const counted = await rows(
      tx,
      `update exports set downloads = downloads + 1 where id = ? and downloads < ${MOST_DOWNLOADS} returning id`,
      [id],
    )
    if (counted.length === 0) throw fetchedOften()
    await audit(tx, reader.org, {
      actor: byPerson(reader),
      action: 'export.downloaded',
      target: { kind: 'export', id },
      detail: { kind },
    })
  })
}

const fetchedOften = (): Refusal =>
  new Refusal(
    410,
    'export_used_up',
    `This export was downloaded ${MOST_DOWNLOADS} times, which is as often as one may be. Ask for a new one.`,
  )
