import type { Resources } from '../src/resources.ts'
import { inherit } from '../src/sending/inherit.ts'
import { openSender, type Sender } from '../src/sending/sending.ts'

/** A POST may take 15 seconds and its outcome is then written. */
const PATIENCE_MS = 20_000

/** A ring says only "look": the rows know what is due. Stopping waits for the posts in flight. */
export function outbound(on: Resources): () => Promise<void> {
  const sender = openSender(on)
  void takeOver(on, sender)
  on.queues.work('outbound', ({ data }) => sender.drain(data), { concurrency: 8 })
  return () => sender.settlePosts(PATIENCE_MS)
}

/** Without the queue: a doorbell that died with its job is not heard before its lock is over. */
async function takeOver(on: Resources, sender: Sender): Promise<void> {
  try {
    for (const bell of await inherit(on)) await sender.drain(bell)
  } catch (error) {
    on.log.warn({ err: error }, 'leases of dead processes not settled yet')
  }
}
