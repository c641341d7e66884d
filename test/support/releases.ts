import { SYSTEM } from '../../src/audit/audit.ts'
import { deletionCommands } from '../../src/cli/deletions.ts'
import type { Place } from '../../src/cli/place.ts'
import { advanceDue } from '../../src/deletions/advance.ts'
import { findDeletion, type Deletion } from '../../src/deletions/deletion.ts'
import { requestDeletion } from '../../src/deletions/request.ts'
import type { Running } from './app.ts'

/** The deletion a code is about, as far as it is now, with what is noted of the release at Meta. */
export async function toldOf(app: Running, code: string): Promise<Deletion & { notes: string }> {
  const found = await findDeletion(app.on, code)
  if (!found) throw new Error('no deletion')
  return { ...found, notes: found.steps['meta_release']?.notes?.join('; ') ?? '' }
}

/** What is noted of the release when a whole organization goes. */
export async function purgeOf(app: Running, org: string): Promise<string> {
  const now = app.on.now()
  const wish = { kind: 'org', subject: org, road: 'operator', by: SYSTEM, until: now } as const
  const { code } = await requestDeletion(app.on, wish)
  const { failed } = await advanceDue(app.on, { now })
  if (failed.length > 0) throw new Error('not purged')
  return (await toldOf(app, code)).notes
}

export type Imported = { imported: number; deletions: { line: number; id: string; code: string }[] }

/** `chatflow deletion import-meta-ids --file FILE`, in this process. */
export async function importIds(app: Running, file: string): Promise<Imported> {
  const place = { open: () => Promise.resolve(app.on) } as Place
  const done = await deletionCommands['deletion import-meta-ids']?.run(place, ['--file', file])
  return done as Imported
}
