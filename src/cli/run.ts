import { ConfigError } from '../config.ts'
import { isRetriable } from '../db.ts'
import { complain } from '../lifetime.ts'
import { Refusal } from '../refusal.ts'
import { accountCommands } from './accounts.ts'
import { auditCommands } from './audit.ts'
import { backupCommands } from './backups.ts'
import { Alarm, UsageError, type Command } from './command.ts'
import { deadLetterCommands } from './dead-letters.ts'
import { deletionCommands } from './deletions.ts'
import { doctorCommands } from './doctor.ts'
import { exportCommands } from './exports.ts'
import { keyCommands } from './keys.ts'
import { operationCommands } from './operations.ts'
import { openPlace } from './place.ts'
import { privacyCommands } from './privacy.ts'
import { retentionCommands } from './retention.ts'
import type { Input } from './stdin.ts'

const COMMANDS: Record<string, Command> = {
  ...accountCommands,
  ...operationCommands,
  ...keyCommands,
  ...auditCommands,
  ...deadLetterCommands,
  ...doctorCommands,
  ...retentionCommands,
  ...exportCommands,
  ...deletionCommands,
  ...privacyCommands,
  ...backupCommands,
}
/** PostgreSQL's words for a schema that is not there yet: no table, no schema, no role to begin as. */
const NOT_MIGRATED = /^(42P01|3F000|22023|42703|42883)$/

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

type Failure = { code: string; message: string; fields?: Record<string, string> }
/** The streams of a process: results go to one output, everything else to the other. */
export type Streams = { stdin: Input; stdout: Output; stderr: Output }
type Output = { write(text: string): unknown }

/**
 * Run one command: its result as one JSON document on stdout, everything else on stderr. Answers the exit code:
 * 0 done, 1 refused or failed, 2 wrong usage, 3 done but something is overdue.
 */
export async function runCommand(args: string[], streams: Streams): Promise<number> {
  const print = (result: object): void => void streams.stdout.write(`${JSON.stringify(result)}\n`)
  const found = findCommand(args)
  if (!found) return help(args, streams.stderr, print)
  const place = openPlace(streams)
  // A command that is told to stop still gives back the database it started.
  const stop = (): void => void place.close().finally(() => process.exit(1))
  for (const signal of SIGNALS) process.on(signal, stop)
  try {
    print(await found.command.run(place, found.rest))
    return 0
  } catch (error) {
    if (error instanceof UsageError) streams.stderr.write(usageOf(found.name, found.command))
    print(error instanceof Alarm ? error.result : { error: describe(error) })
    if (error instanceof Alarm) return error.exitCode
    return error instanceof UsageError ? 2 : 1
  } finally {
    await place.close()
    for (const signal of SIGNALS) process.off(signal, stop)
  }
}

function findCommand(
  args: string[],
): { name: string; command: Command; rest: string[] } | undefined {
  for (const words of [2, 1]) {
    const name = args.slice(0, words).join(' ')
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
    if (command) return { name, command, rest: args.slice(words) }
  }
  return undefined
}

function help(args: string[], stderr: Output, print: (result: object) => void): number {
  const asked = ['help', '--help', '-h'].includes(args[0] ?? '')
  for (const [name, command] of Object.entries(COMMANDS)) stderr.write(usageOf(name, command))
  const message = `there is no command ${args.slice(0, 2).join(' ')}`.trimEnd()
  print(asked ? { commands: Object.keys(COMMANDS) } : { error: { code: 'usage', message } })
  return asked ? 0 : 2
}

/** What a program and a person can act on; a surprise goes to stderr as its kind and place, without its words. */
function describe(error: unknown): Failure {
  if (error instanceof UsageError) return { code: 'usage', message: error.message }
  if (error instanceof ConfigError) return { code: 'configuration', message: error.message }
  if (error instanceof Refusal) {
    const { code, message, fields } = error
    return { code, message, ...(Object.keys(fields).length > 0 ? { fields } : {}) }
  }
  complain(error)
  if (isRetriable(error))
    return { code: 'unavailable', message: 'The database or the queue does not answer.' }
  if (NOT_MIGRATED.test(String((error as { code?: unknown }).code)))
    return { code: 'not_migrated', message: 'The database is not up to date: run migrate first.' }
  return { code: 'internal', message: 'Something went wrong; the line on stderr says where.' }
}

const usageOf = (name: string, { usage }: Command): string =>
  `${`chatflow ${name} ${usage}`.trimEnd()}\n`
