import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { promises } from '../../src/privacy/promises.ts'
import { ROOT } from '../../src/root.ts'

export type Sabotage = z.infer<typeof Sabotage>

const Sabotage = z.strictObject({
  name: z.string().min(1),
  file: z.string().regex(/^(src|workers|migrations|views|public)\//),
  find: z.string().min(1),
  replace: z.string(),
})
const FOLDER = path.join(ROOT, 'test/promises')

const two = (id: string): string => `P${id.slice(1).padStart(2, '0')}`

/** The proof of each promise that has one, by its id: the file's path from the root. */
export function proofs(): Map<string, string> {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.test.ts'))
  return new Map(
    promises.flatMap(({ id }) => {
      const found = files.find((file) => file.startsWith(`${two(id)}-`))
      return found ? [[id, `test/promises/${found}`] as const] : []
    }),
  )
}

/** The sabotages under which the proof of promise `id` has to turn red; none when nobody wrote any. */
export function sabotagesOf(id: string): Sabotage[] {
  const file = path.join(FOLDER, 'sabotages', `${two(id)}.json`)
  return existsSync(file) ? z.array(Sabotage).parse(JSON.parse(readFileSync(file, 'utf8'))) : []
}

/** The text with the sabotage in it. Throws unless what it replaces is there exactly once. */
export function sabotaged(text: string, { file, find, replace }: Sabotage): string {
  const parts = text.split(find)
  if (parts.length !== 2) throw new Error(`${file}: ${parts.length - 1} times: ${find}`)
  return parts.join(replace)
}
