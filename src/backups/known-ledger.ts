import { checkLedger, LedgerBroken, readLedger, type Line } from '../deletions/ledger.ts'
import { ledgerFile, readLedgerFile } from '../deletions/ledger-file.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'

type Wanted = {
  /** The line that must be there: how far the ledger was when the backup was made. */
  end?: Line
  /** Its file, if not the one in DATA_DIR. */
  given?: string | undefined
}

/**
 * The ledger of today, from the file and from the database that is there now, whichever knows more. It must reach to the
 * backup and be unbroken: without what came after, somebody who was deleted would be back. Throws Refusal 409 otherwise.
 */
export async function gatherLedger(on: Resources, { end, given }: Wanted): Promise<Line[]> {
  const file = given ?? ledgerFile(on.config.DATA_DIR)
  const live = await on.db.withSystem((tx) => readLedger(tx))
  const known = new Map<number, string>()
  try {
    for (const { n, line } of [...(await readLedgerFile(file)), ...live]) {
      if ((known.get(n) ?? line) !== line) throw new LedgerBroken(`entry ${n} was altered`)
      known.set(n, line)
    }
    const lines = [...known].map(([n, line]) => ({ n, line })).toSorted((a, b) => a.n - b.n)
    checkLedger(on.vault, lines)
    if (!end || known.get(end.n) === end.line) return lines
  } catch (error) {
    if (!(error instanceof LedgerBroken)) throw error
    throw new Refusal(
      409,
      'ledger_broken',
      `The deletion ledger cannot be trusted: ${error.message}. Bring back the file that was written last.`,
    )
  }
  throw new Refusal(
    409,
    'ledger_behind',
    `The deletion ledger ${file} does not know of this backup: name the one that does with --ledger FILE.`,
  )
}
