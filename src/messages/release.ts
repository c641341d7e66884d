import { rows, type Tx } from '../db.ts'
import type { Change } from '../feed/feed.ts'
import type { Resources } from '../resources.ts'
import { readWithheld } from './withheld.ts'
import { writeMessages } from './write-messages.ts'

const BATCH = 200

/**
 * Show what a contact wrote while their data were restricted, as if it had just arrived: with WhatsApp's times, unread,
 * the window it opens and the name it brings. In the transaction that lifted the restriction; returns what to tell the feed.
 */
export async function releaseWithheld(
  on: Resources,
  tx: Tx,
  org: string,
  contact: string,
): Promise<Change[]> {
  const changes: Change[] = []
  for (;;) {
    const batch = await readWithheld(on, tx, org, { contact, limit: BATCH })
    if (batch.length === 0) return changes
    const { changes: shown } = await writeMessages(
      on,
      tx,
      org,
      batch.map(({ message }) => message),
    )
    changes.push(...shown)
    await rows(tx, 'delete from withheld_messages where org_id = ? and id = any(?)', [
      org,
      batch.map(({ id }) => id),
    ])
  }
}
