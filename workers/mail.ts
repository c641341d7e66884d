import { deliverMail, dueMail, pruneMail } from '../src/ops/delivery.ts'
import type { Resources } from '../src/resources.ts'
import { repeat } from '../src/schedule.ts'

/** A job says which row; the row says whether it is due. Once a minute what lost its job is rung again. */
export function mail(on: Resources): () => Promise<void> {
  on.queues.work('mail', ({ data }) => deliverMail(on, data.id), { concurrency: 2 })
  return repeat(on, { name: 'mail', everyMs: 60_000 }, async () => {
    for (const id of await dueMail(on)) await on.queues.addMail(id)
    await pruneMail(on)
  })
}
