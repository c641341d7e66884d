import type { Resources } from '../resources.ts'
import { countDue, listDueRows } from './due-rows.ts'
import { readHeld } from './held.ts'
import { countOldMessages } from './message-retention.ts'
import { readOwnRules } from './own-rules.ts'
import { listSwept } from './sweep-runs.ts'

/** What a sweep at `now` would remove, by table; it removes and writes nothing. Jobs of the queues are not counted. */
export async function previewSweep(
  on: Resources,
  now: Date,
): Promise<{ now: Date; counts: Record<string, number> }> {
  const due = await listDueRows(on)
  const counts: Record<string, number> = { messages: 0 }
  const add = (name: string, n: number): void => void (counts[name] = (counts[name] ?? 0) + n)
  for (const rule of due.filter(({ isSystem }) => isSystem))
    add(rule.table, await countDue(on, rule, { now }))
  for (const org of await listSwept(on)) {
    const held = await readHeld(on, org)
    for (const rule of due.filter(({ isSystem }) => !isSystem))
      add(rule.table, await countDue(on, rule, { org, now, held }))
    add(
      'messages',
      await on.db.withTenant(org, async (tx) =>
        countOldMessages(tx, { org, now, held }, await readOwnRules(tx, org)),
      ),
    )
  }
  return { now, counts }
}
