import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { promises } from '../privacy/promises.ts'
import type { Resources } from '../resources.ts'
import { ROOT } from '../root.ts'
import { sourceHash } from '../source-hash.ts'

/** What `npm run promises` wrote: the outcome of every promise's proof, and which sources it ran. */
const Report = z.object({
  commit: z.string().max(64),
  sources: z.string().max(64),
  finishedAt: z.iso.datetime().transform((text) => new Date(text)),
  results: z.array(
    z.object({
      id: z.string(),
      tests: z.number().int(),
      passed: z.number().int(),
    }),
  ),
})
export type Report = z.infer<typeof Report>

export type Standing = 'kept' | 'failed' | 'unproven'
/** Each promise with what its proof said; unproven where there is no report. */
export type Promised = { id: string; title: string; words: string; standing: Standing }

/** The report that was shipped with this deployment; undefined where there is none. Throws when it cannot be read. */
export async function readReport({ config }: Resources): Promise<Report | undefined> {
  const file = path.resolve(ROOT, config.PROMISES_REPORT)
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return undefined
    throw error
  }
  return Report.parse(JSON.parse(text))
}

/** Whether a report speaks of the sources that run here. */
export const isOfThese = ({ sources }: Report): boolean => sources === sourceHash()

/** A test that did not run proves nothing: kept is what has tests, and all of them passed. */
export function standings(report: Report | undefined): Promised[] {
  return promises.map(({ id, title, words }) => {
    const result = report?.results.find((each) => each.id === id)
    return { id, title, words, standing: standingOf(result) }
  })
}

function standingOf(result: Report['results'][number] | undefined): Standing {
  if (!result || result.tests === 0) return 'unproven'
  return result.passed < result.tests ? 'failed' : 'kept'
}
