import { receive } from '../src/messages/inbound.ts'
import type { Resources } from '../src/resources.ts'

/** Sets are written three at a time: more would only wait for the same rows. */
const CONCURRENCY = 3

/** A job holds up to 64 sealed webhook bodies; it ends when all of them are stored or kept aside. */
export const inbound = (on: Resources): void =>
  on.queues.work('inbound', ({ data }) => receive(on, data.bodies), { concurrency: CONCURRENCY })
