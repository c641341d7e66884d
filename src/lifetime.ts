import { ConfigError } from './config.ts'
import { isRetriable } from './db.ts'
import { describeError } from './log.ts'

/** The life of a process that runs until it is told to stop. */
export type Life = {
  /** What ends when the process does; the last added ends first. */
  onEnd(close: () => Promise<void> | void): void
  /** End the process because something it stands on is gone. */
  fail(reason: string): void
}

const LIMIT_MS = 25_000

/**
 * Run `begin`, then wait for SIGINT, SIGTERM or SIGHUP and end what was opened, in reverse; more signals change nothing. What
 * fails while beginning ends the same way: a fault of the configuration with exactly one line on stderr
 * and exit code 1. An end that takes longer than 25 seconds is cut off with exit code 1.
 */
export async function live(begin: (life: Life) => Promise<void>): Promise<void> {
  const closers: (() => Promise<void> | void)[] = []
  let begun: Promise<void> | undefined
  let ending = false
  const end = async (code: number): Promise<void> => {
    if (ending) return
    ending = true
    setTimeout(() => process.exit(1), LIMIT_MS)
    // A signal in the middle of a start: what is being opened now has to be closed too.
    await begun?.catch(() => undefined)
    const clean = await closeAll(closers)
    process.exit(clean ? code : 1)
  }
  const broken = (error: unknown): void => {
    if (ending) return
    complain(error)
    void end(1)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => void end(0))
  // The queue library listens to no error of a database connection between two statements of its own: the
  // connection is gone, and everything that needs one tries again.
  const stray = (error: unknown): void => (isRetriable(error) ? complain(error) : broken(error))
  process.on('uncaughtException', stray)
  process.on('unhandledRejection', stray)
  begun = begin({
    onEnd: (close) => void closers.push(close),
    fail: (reason) => broken(new ConfigError(reason)),
  })
  await begun.catch(broken)
}

async function closeAll(closers: (() => Promise<void> | void)[]): Promise<boolean> {
  let clean = true
  for (const close of closers.toReversed()) {
    try {
      await close()
    } catch (error) {
      complain(error)
      clean = false
    }
  }
  return clean
}

/** One line for people; a surprise says its kind and place, never its words, which may quote data. */
export function complain(error: unknown): void {
  const line =
    error instanceof ConfigError
      ? error.message.replaceAll(/\s+/g, ' ')
      : JSON.stringify(describeError(error))
  process.stderr.write(`${line}\n`)
}
