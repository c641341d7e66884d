import { signCertificate, type Signed } from '../deletions/certificate.ts'
import { manifestHash } from '../privacy/manifest.ts'
import { openPolicy } from '../privacy/policy-versions.ts'
import type { Resources } from '../resources.ts'
import { aged, measure, type Figure, type Measured, type State } from './figure.ts'
import { FIGURES } from './registry.ts'

/** All figures as they were at `at`; `isLast` when nothing can be measured now and this was the last time it could. */
export type Evidence = { at: Date; figures: Measured[]; isLast: boolean }

const MINUTE_MS = 60_000

/** Measures at most once in a figure's own time, whoever asks how often; asked twice at once it measures once. */
export type Measuring = { read(): Promise<Evidence> }

export function openMeasuring(on: Resources, figures: readonly Figure[] = FIGURES): Measuring {
  const kept = new Map<string, { at: number; measured: Measured }>()
  let last: Evidence | undefined
  let underway: Promise<Evidence> | undefined

  const one = async (figure: Figure): Promise<Measured> => {
    const now = on.now()
    const before = kept.get(figure.id)
    const every = (figure.everyMinutes ?? 1) * MINUTE_MS
    const isKept = before && now.getTime() - before.at < every && before.measured.state !== 'bad'
    if (isKept) return aged(before.measured, now)
    const measured = await measure(on, figure)
    kept.set(figure.id, { at: now.getTime(), measured })
    return measured
  }
  const all = async (): Promise<Evidence> => {
    const isThere = await on.db.ping().then(
      () => true,
      () => false,
    )
    const now = on.now()
    if (!isThere && last)
      return { ...last, figures: last.figures.map((figure) => aged(figure, now)), isLast: true }
    const measured: Measured[] = []
    for (const figure of figures) measured.push(await one(figure))
    const evidence = { at: now, figures: measured, isLast: !isThere }
    if (isThere) last = evidence
    return evidence
  }
  return {
    read() {
      underway ??= all().finally(() => (underway = undefined))
      return underway
    },
  }
}

/** The worst of all figures. */
export const worst = (figures: readonly Measured[]): State =>
  (['bad', 'warn', 'none'] as const).find((state) => figures.some((one) => one.state === state)) ??
  'ok'

/** The evidence as a statement that anybody can check with the keys that certificates of deletions are checked with. */
export function signEvidence(on: Resources, { at, figures, isLast }: Evidence): Signed {
  const { id, sha256 } = openPolicy().inForce(at)
  return signCertificate(on.vault, {
    v: 1,
    kind: 'trust',
    address: on.config.APP_URL,
    made_at: at.toISOString(),
    is_last_known: isLast,
    policy: { version: id, sha256 },
    manifest: manifestHash(),
    no_sale: 'We do not sell your personal data.',
    figures,
  })
}
