import type { Figure, Reading } from './figure.ts'
import { isOfThese, readReport, standings, type Report } from './report.ts'

const FRESH_DAYS = 90
const NONE: Reading = {
  state: 'none',
  value: 'not measured yet',
  detail: 'No report was shipped with this deployment: npm run promises writes it at build time.',
}

/** From the run of all proofs that was shipped with the deployment. */
export const promiseFigures: readonly Figure[] = [
  {
    id: 'promises',
    group: 'promises',
    title: 'Promises of the policy that are proven',
    how: 'The tests of each promise, run at build time on these very sources',
    freshDays: FRESH_DAYS,
    async measure(on) {
      const report = await readReport(on)
      return report ? readingOf(report) : NONE
    },
  },
  {
    id: 'third_parties',
    group: 'sharing',
    title: 'Requests of our pages to anybody else',
    how: 'A browser opened every page at build time and each request was looked at (proof of promise P14)',
    freshDays: FRESH_DAYS,
    async measure(on) {
      const report = await readReport(on)
      const result = standings(report).find(({ id }) => id === 'P14')?.standing
      if (!report || result === 'unproven') return NONE
      if (!isOfThese(report)) return otherVersion(report)
      const holds = result === 'kept'
      const at = report.finishedAt
      return { state: holds ? 'ok' : 'bad', value: holds ? '0' : 'not known', at }
    },
  },
]

function readingOf(report: Report): Reading {
  if (!isOfThese(report)) return otherVersion(report)
  const all = standings(report)
  const count = (wanted: string): number => all.filter((one) => one.standing === wanted).length
  const [kept, failed] = [count('kept'), count('failed')]
  return {
    state: failed > 0 ? 'bad' : kept === all.length ? 'ok' : 'warn',
    value: `${kept} of ${all.length}`,
    detail: `${failed > 0 ? `${failed} failed. ` : ''}Commit ${report.commit.slice(0, 12)}.`,
    at: report.finishedAt,
  }
}

const otherVersion = ({ commit, finishedAt }: Report): Reading => ({
  state: 'warn',
  value: 'other version',
  detail: `The report is of commit ${commit.slice(0, 12)} and not of the sources that run here.`,
  at: finishedAt,
})
