import { parseArgs } from 'node:util'
import { z } from 'zod'
import type { Place } from './place.ts'

/** Wrong usage: exit code 2. The message says what was expected. */
export class UsageError extends Error {}

/**
 * The command did its work and found something wrong: the result is printed all the same. The exit code is 1 when it
 * failed at what it looked at, 3 when the work is done and something is overdue.
 */
export class Alarm extends Error {
  readonly result: object
  readonly exitCode: 1 | 3
  constructor(result: object, exitCode: 1 | 3 = 1) {
    super('something is wrong')
    this.result = result
    this.exitCode = exitCode
  }
}

/** One command: its words are its key in the list, `usage` is what follows them. */
export type Command = {
  usage: string
  run(at: Place, args: string[]): Promise<object>
}

type Texts = Record<string, z.ZodType<unknown, string | undefined>>

type Spec<O extends Texts, S extends z.ZodRawShape> = {
  usage: string
  /** Options without a value. */
  flags?: string[]
  /** Options by their name, `--name value`; each has a value. */
  options?: O
  /** Words behind the command, by position. */
  words?: string[]
  /** The JSON object wanted on stdin: secrets are never arguments, which other users can see. */
  secrets?: S
  run(
    at: Place,
    given: z.output<z.ZodObject<O>> & { words: string[]; flags: string[] },
    secrets: z.output<z.ZodObject<S>>,
  ): Promise<object>
}

/** A command that is told its options, words and secrets in the shape it declares. Throws UsageError otherwise. */
export function command<O extends Texts, S extends z.ZodRawShape>(spec: Spec<O, S>): Command {
  const options = z.strictObject(spec.options ?? ({} as O))
  return {
    usage: spec.usage,
    async run(at, args) {
      const { values, positionals, flags } = parse(args, Object.keys(options.shape), spec.flags)
      if (positionals.length !== (spec.words?.length ?? 0))
        throw new UsageError(
          spec.words ? `expected ${spec.words.join(' ')}` : `unexpected ${positionals.join(' ')}`,
        )
      const given = check(options, values, (name) => `--${name}`)
      const shape = spec.secrets ? z.object(spec.secrets) : undefined
      const secrets =
        shape && check(shape, await at.stdin(Object.keys(shape.shape)), (name) => name)
      return spec.run(at, { ...given, words: positionals, flags }, (secrets ?? {}) as never)
    },
  }
}

type Parsed = { values: object; positionals: string[]; flags: string[] }

function parse(args: string[], names: string[], known: string[] = []): Parsed {
  try {
    const options: Record<string, { type: 'string' | 'boolean' }> = {}
    for (const name of names) options[name] = { type: 'string' }
    for (const name of known) options[name] = { type: 'boolean' }
    const parsed = parseArgs({ args, options, allowPositionals: true, strict: true })
    const given = Object.entries(parsed.values)
    const values = Object.fromEntries(given.filter(([name]) => !known.includes(name)))
    const flags = known.filter((name) => given.some(([each]) => each === name))
    const { positionals } = parsed
    return { values, positionals, flags }
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

/** Names what is wrong and never its value, which may be a secret. */
function check<T>(shape: z.ZodType<T>, values: unknown, nameOf: (key: string) => string): T {
  const parsed = shape.safeParse(values)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const name = nameOf(String(issue?.path[0] ?? ''))
  const missing = issue?.code === 'invalid_type' && (values as object | undefined) !== undefined
  throw new UsageError(`${name} ${missing ? 'is missing' : `is not valid: ${issue?.message}`}`)
}
