import { rm } from 'node:fs/promises'
import path from 'node:path'
import { rows } from '../db.ts'
import { seedDemo } from '../demo/demo.ts'
import type { Resources } from '../resources.ts'
import type { Embedded } from './embedded.ts'
import { firstPassword, firstPasswordFile } from './keys.ts'
import { readIfThere } from './files.ts'

/**
 * Fill an empty installation with the demonstration, once. Its password is on the disk before the account
 * exists, so that no crash leaves an account nobody can enter.
 */
export async function seedOnce(on: Resources, embedded: Embedded): Promise<void> {
  const file = firstPasswordFile(embedded.dataDir)
  const known = await readIfThere(file)
  const seeded = await seedDemo(on, await firstPassword(embedded.dataDir))
  if (!seeded && known === undefined) await rm(file, { force: true })
}

/** What the terminal says when the product is ready: where it is and how to sign in. The password is shown to a person only, not to a log. */
export async function welcome(
  on: Resources,
  embedded: Embedded | undefined,
  isPerson: boolean,
): Promise<string> {
  const { APP_URL } = on.config
  const first = await on.db.withSystem((tx) =>
    rows<{ email: string }>(tx, 'select email from users order by created_at, id limit 1'),
  )
  const file = embedded && firstPasswordFile(embedded.dataDir)
  const password = file && (await readIfThere(file))
  const lines = [`ChatFlow CRM is ready at ${APP_URL}`]
  const email = first[0]?.email
  if (!email) lines.push(`Create the first account at ${APP_URL}/signup`)
  else if (password)
    lines.push(
      `Sign in as ${email} with the password ${isPerson ? `${password}, kept in` : 'in'} ${file}`,
    )
  else lines.push(`Sign in at ${APP_URL}/login`)
  if (embedded && embedded.place !== path.resolve(embedded.dataDir))
    lines.push(`The database lies in ${embedded.place}`)
  return `\n${lines.map((line) => `  ${line}\n`).join('')}\n`
}
