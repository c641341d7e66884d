import { mailAnnouncements } from '../src/announcements/mailing.ts'
import { announcePolicy } from '../src/announcements/policy-notice.ts'
import { tellOrganizations } from '../src/disclosures/telling.ts'
import { watchIncidents } from '../src/incidents/clock.ts'
import type { Resources } from '../src/resources.ts'
import { repeat } from '../src/schedule.ts'
import { closeQuiet } from '../src/support/quiet.ts'

/** Looks once a minute whom there is something to tell: the rows say what is due, and who was told already. */
export const communication = (on: Resources): (() => Promise<void>) =>
  repeat(on, { name: 'communication', everyMs: 60_000 }, async () => {
    await announcePolicy(on, on.now())
    await mailAnnouncements(on, on.now())
    await closeQuiet(on, on.now())
    await watchIncidents(on, on.now())
    await tellOrganizations(on, on.now())
  })
