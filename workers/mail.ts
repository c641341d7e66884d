import { deliverMail, dueMail, pruneMail } from '../src/ops/delivery.ts'
import type { Resources } from '../src/resources.ts'

const EVERY_MS = 60_000

/** A job says which row; the row says whether it is due. Once a minute what lost its job is rung again. */
export function mail(on: Resources): () => void {
  on.queues.work('mail', ({ data }) => deliverMail(on, data.id), { concurrency: 2 })
  const ring = async (): Promise<void> => {
    for (const id of await dueMail(on)) await on.queues.addMail(id)
    await pruneMail(on)
  }
  const timer = setInterval(() => {
    ring().catch((error: unknown) => on.log.warn({ err: error }, 'mail sweep'))
  }, EVERY_MS)
  return () => clearInterval(timer)
}
