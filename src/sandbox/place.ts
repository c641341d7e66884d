import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { personOf } from './phone.ts'
import { lineOf, openSandbox } from './sandbox.ts'
import type { Line, Person, Sandbox } from './state.ts'

/** Where a request happens: the organization's line, and one of its persons. */
export type Place = { box: Sandbox; line: Line; person: Person }

/**
 * The line of an organization and a person of it, the first unless `person` names one.
 * Throws Refusal 404 `no_sandbox` where there is no line, `not_found` for no such person.
 */
export function placeOf(on: Resources, org: string, person?: unknown): Place {
  const box = openSandbox(on)
  const line = lineOf(box, org)
  if (!line) throw new Refusal(404, 'no_sandbox', 'This organization has no sandbox number yet.')
  const id = typeof person === 'string' ? person : (line.people[0]?.id ?? '')
  return { box, line, person: personOf(line, id) }
}
