import { rows } from '../db.ts'
import { checkLedger, keepLines, readLedger } from '../deletions/ledger.ts'
import { writeLedgerFile } from '../deletions/ledger-file.ts'
import { NotReplayed, replayDeletions } from '../deletions/replay.ts'
import { newId } from '../ids.ts'
import { sweepRetention } from '../privacy/retention.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { letIn, shut } from './door.ts'
import { gatherLedger } from './known-ledger.ts'

type Again = { madeAt: Date; observe?: ((at: string) => void) | undefined }

/**
 * Every deletion of the ledger once more, then the sweep; answers how many. Throws Refusal 409 `not_replayed` while one of
 * them does not come to its end.
 */
export async function replayAll(on: Resources, { madeAt, observe }: Again): Promise<number> {
  await on.directory.refresh()
  await writeLedgerFile(on)
  const lines = await on.db.withSystem((tx) => readLedger(tx))
  const entries = checkLedger(on.vault, lines)
  const replayed = await replayDeletions(on, { entries, madeAt, observe }).catch(refuse)
  observe?.('sweep')
  await sweepRetention(on, on.now())
  return replayed
}

function refuse(error: unknown): never {
  if (!(error instanceof NotReplayed)) throw error
  throw new Refusal(
    409,
    'not_replayed',
    `Nobody is let in: ${error.message}. The log says what stops them; then run this again.`,
  )
}

/**
 * For a database that was set back by other means than `restoreBackup`, such as a provider's snapshot: what the ledger
 * beside it knows is done again behind a shut door. Killed anywhere and begun again it ends the same.
 */
export async function replayLedger(on: Resources, given?: string): Promise<{ replayed: number }> {
  const lines = await gatherLedger(on, { given })
  await shut(on)
  const backup = await noteSetBack(on)
  await on.db.withSystem((tx) => keepLines(tx, lines))
  const replayed = await replayAll(on, { madeAt: on.now() })
  await letIn(on, { backup, replayed })
  return { replayed }
}

/** As a restore without a backup of ours; an earlier run's is taken up. */
const noteSetBack = (on: Resources): Promise<string> =>
  on.db.withSystem(async (tx) => {
    const [open] = await rows<{ id: string }>(
      tx,
      'select backup_id as id from restores where opened_at is null limit 1',
    )
    if (open) return open.id
    const id = newId()
    await rows(tx, 'insert into restores (id, backup_id, made_at, begun_at) values (?, ?, ?, ?)', [
      newId(),
      id,
      on.now(),
      on.now(),
    ])
    return id
  })
