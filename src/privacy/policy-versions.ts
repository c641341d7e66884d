import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { ROOT } from '../root.ts'
import { DAY_MS } from './limits.ts'

/**
 * A version of the privacy policy. `id` names its file in `src/policy/` and its address. `publishedOn` and `effectiveOn`
 * are civil dates: they begin at 00:00 UTC. `material` means that it changes what people were promised; then a month
 * lies between the two dates, in which everybody is told.
 */
export type PolicyVersion = {
  id: string
  publishedOn: string
  effectiveOn: string
  sha256: string
  summary: string
  material: boolean
}

export type Policy = {
  /** All versions, the oldest first; of two on one day the later one counts. */
  versions: readonly PolicyVersion[]
  /** The version that holds at `now`; before the first one began, the first. */
  inForce(now: Date): PolicyVersion
  /** The text of a version, byte for byte; undefined when there is no such version. */
  textOf(id: string): string | undefined
}

/** What was published, with the hash of its bytes. Lines are only ever added: people were shown these very texts. */
export const PUBLISHED: readonly PolicyVersion[] = [
  {
    id: '2026-02-13',
    publishedOn: '2026-02-13',
    effectiveOn: '2026-02-13',
    sha256: '4614b566db826ef4f604e19f2dcf10532c2712543da18b443d20a867f491886a',
    summary: 'The first version.',
    material: true,
  },
]

/** How long before its day a material version is announced. Source: privacy promise P2. */
export const NOTICE_DAYS = 30

const FOLDER = path.join(ROOT, 'src/policy')

/**
 * Reads the versions, as the "Last updated" line of the policy promises (P2). Throws when a published text was edited,
 * when its date line is not its date, when the versions are out of order, or when a change comes sooner than it may:
 * the product does not start then.
 */
export function openPolicy(
  versions: readonly PolicyVersion[] = PUBLISHED,
  folder: string = FOLDER,
): Policy {
  const [first] = versions
  if (!first) throw new Error('There is no privacy policy.')
  const texts = new Map(versions.map((version) => [version.id, readVersion(version, folder)]))
  if (texts.size < versions.length) throw new Error('Two versions of the policy have one id.')
  for (const [index, version] of versions.entries()) {
    const before = versions[index - 1]
    if (before) checkOrder(before, version)
  }
  return {
    versions,
    inForce: (now) => versions.findLast((version) => hasBegun(version, now)) ?? first,
    textOf: (id) => texts.get(id),
  }
}

function checkOrder(before: PolicyVersion, { id, material, ...version }: PolicyVersion): void {
  if (version.effectiveOn < before.effectiveOn)
    throw new Error(`Policy ${id} begins before the one it follows.`)
  const days = (startOf(version.effectiveOn) - startOf(version.publishedOn)) / DAY_MS
  if (material && days < NOTICE_DAYS)
    throw new Error(`Policy ${id} begins less than ${NOTICE_DAYS} days after it was published.`)
}

/** 00:00 UTC of a civil date, in milliseconds. */
export const startOf = (date: string): number => Date.parse(`${date}T00:00:00Z`)

/** The text published last, byte for byte. */
export const policyText = (): string => {
  const policy = openPolicy()
  return policy.textOf(policy.versions.at(-1)?.id ?? '') ?? ''
}

/** Whether the version's day has come, in UTC. */
export const hasBegun = ({ effectiveOn }: PolicyVersion, now: Date): boolean =>
  effectiveOn <= now.toISOString().slice(0, 10)

/** A civil date as the policy writes it: "February 13, 2026". */
export const inWords = (date: string): string =>
  new Intl.DateTimeFormat('en-US', { dateStyle: 'long', timeZone: 'UTC' }).format(startOf(date))

function readVersion({ id, effectiveOn, sha256 }: PolicyVersion, folder: string): string {
  const bytes = readFileSync(path.join(folder, `${id}.txt`))
  if (createHash('sha256').update(bytes).digest('hex') !== sha256)
    throw new Error(`Policy ${id} is not the text that was published. Add a version instead.`)
  const text = bytes.toString('utf8')
  if (!text.includes(`\nLast updated: ${inWords(effectiveOn)}\n`))
    throw new Error(`Policy ${id} does not say its date, ${inWords(effectiveOn)}.`)
  return text
}
