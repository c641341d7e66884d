import type { Message } from '../messages/messages.ts'

type Loose = Record<string, unknown>

/** The object of a message's own kind: ours keep it under its name, theirs spread in the payload. */
export function ownIn({ kind, payload }: Message): Loose {
  const own = payload[kind]
  return typeof own === 'object' && own !== null && !Array.isArray(own) ? (own as Loose) : payload
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Loose)[name] : undefined

/** The object in a field, empty where there is none. */
export function objectIn(value: unknown, name: string): Loose {
  const found = field(value, name)
  return typeof found === 'object' && found !== null && !Array.isArray(found)
    ? (found as Loose)
    : {}
}

export function listIn(value: unknown, name: string): unknown[] {
  const found = field(value, name)
  return Array.isArray(found) ? found : []
}

/** The words in these fields that are there. */
export const textsIn = (value: unknown, ...names: string[]): string[] =>
  names.flatMap((name) => {
    const found = field(value, name)
    return typeof found === 'string' && found.trim() !== '' ? [found] : []
  })

/** The words of the first of these fields that has any, or none. */
export const textIn = (value: unknown, ...names: string[]): string =>
  textsIn(value, ...names)[0] ?? ''
