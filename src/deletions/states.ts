import { rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'
import type { Resources } from '../resources.ts'
import type { ActorKind, State } from './deletion.ts'
import { appendDeletion } from './ledger.ts'

/** Every step of the state is kept, append-only, here and in the ledger that a restore goes by. */
export async function noteState(
  on: Resources,
  tx: Tx,
  { id, state, at, by }: { id: string; state: State; at: Date; by: ActorKind },
): Promise<void> {
  await rows(
    tx,
    'insert into deletion_events (id, deletion_id, at, state, actor_kind) values (?, ?, ?, ?, ?)',
    [newId(), id, at, state, by],
  )
  // Confirming and the grace are one change of the row.
  if (state !== 'confirmed') await appendDeletion(on, tx, id)
}
