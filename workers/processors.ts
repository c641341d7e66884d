import { noteHosts } from '../src/processors/processors.ts'
import type { Resources } from '../src/resources.ts'

const EVERY_MS = 3_600_000

/** Writes down at the start and every hour which hosts are in use, so that the public list can say since when. */
export function processors(on: Resources): () => void {
  const note = (): void =>
    void noteHosts(on).catch((error: unknown) => on.log.warn({ err: error }, 'hosts not noted'))
  note()
  const timer = setInterval(note, EVERY_MS)
  return () => clearInterval(timer)
}
