import type { Resources } from './resources.ts'

type Needs = Pick<Resources, 'log' | 'now' | 'tally'>
export type Schedule = { name: string; everyMs: number; atOnce?: boolean }

/**
 * Run something again and again: `everyMs` milliseconds after it last ended, and once at the start where `atOnce` says
 * so. It never overlaps itself, a failure is logged and the next run comes all the same. Returns what ends it, which
 * waits for a run under way after telling it by the signal.
 */
export function repeat(
  on: Needs,
  { name, everyMs, atOnce = false }: Schedule,
  run: (signal: AbortSignal) => Promise<unknown>,
): () => Promise<void> {
  const stop = new AbortController()
  let running: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout
  const once = async (): Promise<void> => {
    const failed = await run(stop.signal).then(
      () => false,
      (error: unknown) => {
        on.log.error({ err: error, schedule: name }, 'scheduled work failed')
        return true
      },
    )
    on.tally.ran(name, { at: on.now(), everyMs, failed })
    if (!stop.signal.aborted) timer = setTimeout(next, everyMs)
  }
  const next = (): void => void (running = once())
  timer = setTimeout(next, atOnce ? 0 : everyMs)
  return async () => {
    stop.abort()
    clearTimeout(timer)
    await running
  }
}
