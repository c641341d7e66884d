import { destination } from 'pino'
import { completeConfig, readVariables, type Config } from '../config.ts'
import { embeddedConfig, joinEmbedded } from '../embedded/embedded.ts'
import { openLog } from '../log.ts'
import { release } from '../release.ts'
import { openResources, type Resources } from '../resources.ts'
import { readSecrets, type Input } from './stdin.ts'

/** Where a command runs: beside a running instance, against a given database, or on one it starts for itself. */
export type Place = {
  /** The JSON object on stdin, wanted for these names. */
  stdin(names: string[]): Promise<Record<string, unknown>>
  /** The configuration, with the embedded database running where there is no other. */
  join(): Promise<{ config: Config; isEmbedded: boolean }>
  /** The database is brought up to date first if this command started it, as a start would do. */
  open(): Promise<Resources>
  close(): Promise<void>
}

type Streams = { stdin: Input; stderr: { write(text: string): unknown } }

export function openPlace(streams: Streams): Place {
  const closers: (() => Promise<void>)[] = []
  let opening: Promise<unknown> = Promise.resolve()
  const join = async (): Promise<{ config: Config; isEmbedded: boolean; isOurs: boolean }> => {
    const variables = readVariables()
    if (variables.DATABASE_URL)
      return { config: completeConfig(variables), isEmbedded: false, isOurs: false }
    const embedded = await joinEmbedded(variables)
    closers.push(() => embedded.close())
    const config = embeddedConfig(variables, embedded)
    return { config, isEmbedded: true, isOurs: embedded.isOurs }
  }
  const open = async (): Promise<Resources> => {
    const { config, isOurs } = await join()
    if (isOurs) await release(config.DATABASE_URL)
    // Results go to stdout, so the log goes to stderr.
    const log = openLog(config.LOG_LEVEL, destination({ fd: 2, sync: true }))
    const on = await openResources(config, { log })
    closers.push(() => on.close())
    return on
  }
  const remember = <T>(work: Promise<T>): Promise<T> => {
    opening = work
    return work
  }
  return {
    stdin: (names) => readSecrets(streams, names),
    join: () => remember(join()),
    open: () => remember(open()),
    async close() {
      await opening.catch(() => undefined)
      for (const close of closers.splice(0).toReversed()) await close()
    },
  }
}
