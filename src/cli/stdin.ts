import type { Readable } from 'node:stream'
import { UsageError } from './command.ts'

/** What a command reads its secrets from; `isTTY` when a person sits there. */
export type Input = Readable & { isTTY?: boolean }

const PATIENCE_MS = 1_000

/**
 * The JSON object on stdin. It ends with the input or with the closing bracket, because a caller may keep the pipe open;
 * a person at a terminal, or whoever sends nothing for a second, is told what is awaited.
 */
export async function readSecrets(
  { stdin, stderr }: { stdin: Input; stderr: { write(text: string): unknown } },
  names: string[],
): Promise<Record<string, unknown>> {
  const example = `{${names.map((name) => `"${name}": "…"`).join(', ')}}`
  const say = (): void => void stderr.write(`Waiting for ${example} on stdin\n`)
  const timer = setTimeout(say, stdin.isTTY ? 0 : PATIENCE_MS)
  try {
    const text = await readObject(stdin)
    if (text.trim() === '') throw new UsageError(`stdin must hold ${example}`)
    return parse(text) ?? refuse(example)
  } finally {
    clearTimeout(timer)
    stdin.destroy()
  }
}

async function readObject(input: Input): Promise<string> {
  let text = ''
  input.setEncoding('utf8')
  for await (const chunk of input) {
    text += String(chunk)
    if (text.trimEnd().endsWith('}') && parse(text)) break
  }
  return text
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function refuse(example: string): never {
  throw new UsageError(`stdin is not a JSON object, expected ${example}`)
}
