import { ago } from '../connections/ago.ts'
import type { Reported } from './notices.ts'
import { explainNotice, type Words } from './words.ts'

/** A report as its line shows it. */
export type ShownReport = Words & { id: string; when: string; isoTime: string }

export const showReport = (report: Reported, now: Date): ShownReport => ({
  ...explainNotice(report),
  id: report.id,
  when: ago(report.at, now),
  isoTime: report.at.toISOString(),
})
