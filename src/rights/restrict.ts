import { appendFeed } from '../feed/feed.ts'
import { withdrawExports } from '../privacy/export-shelf.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import type { Kind } from '../restrictions/gate.ts'
import { restrictIn, type Ground } from '../restrictions/restrictions.ts'
import { act, write, type At } from './desk.ts'

/**
 * Put in force what a customer objected to or wants restricted, as the answer to the request: at once, and noted with it.
 * Throws Refusal as `act`, 409 `unverified`, 409 `nobody_known`. Source: promises P46 and P50.
 */
export async function restrictFor(
  on: Resources,
  at: At & { org: string },
  { kind, ground }: { kind: Kind; ground: Ground },
): Promise<void> {
  const contact = await act(on, at, async (tx, request) => {
    if (request.contact_id === null)
      throw new Refusal(409, 'nobody_known', 'It is not known whose data this is about.')
    if (request.verified_how === null)
      throw new Refusal(409, 'unverified', 'Make sure who asks first, and note how.')
    const { contact_id } = request
    await write(tx, request, { step: 'restricted', by: at.by, at: on.now() })
    const wish = { contact: contact_id, kind, ground, road: 'agent', by: at.by } as const
    const { changes } = await restrictIn(on, tx, at.org, { ...wish, request: at.id })
    if (changes.length > 0) await appendFeed(tx, at.org, changes)
    return contact_id
  })
  on.events.publish({ kind: 'feed', org: at.org })
  if (kind === 'restricted') await withdrawExports(on, { org: at.org, contact })
}
