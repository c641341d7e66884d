import { mailAnnouncements } from '../src/announcements/mailing.ts'
import { announcePolicy } from '../src/announcements/policy-notice.ts'
import type { Resources } from '../src/resources.ts'

const EVERY_MS = 60_000

/** Looks once a minute whom there is something to tell: the rows say what is due, and who was told already. */
export function communication(on: Resources): () => Promise<void> {
  let running: Promise<unknown> = Promise.resolve()
  const tend = async (): Promise<void> => {
    await announcePolicy(on, on.now())
    await mailAnnouncements(on, on.now())
  }
  const timer = setInterval(() => {
    running = running
      .then(tend)
      .catch((error: unknown) => on.log.error({ err: error }, 'communication'))
  }, EVERY_MS)
  return async () => {
    clearInterval(timer)
    await running
  }
}
