import type { Tx } from '../db.ts'
import { holdActiveKey, sealFor } from '../keys.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { Secret } from '../secret.ts'

/** What Meta and we prove ourselves with to each other. */
export type Secrets = { accessToken: string; appSecret: string; verifyToken: string }
type SealedColumns = Partial<Record<'access_token' | 'app_secret' | 'verify_token', string>>

const COLUMN = {
  accessToken: 'access_token',
  appSecret: 'app_secret',
  verifyToken: 'verify_token',
} as const

/** Printable ASCII without spaces: the token goes into a header, and an empty app secret would sign anything. */
const USABLE = /^[\x21-\x7e]{1,4096}$/

/** An access token as the vault opened it. */
export const tokenFrom = (opened: Buffer): Secret =>
  new Secret(opened.toString('utf8'), 'call_graph', 'ask_about_token', 'mask')

/** The columns that the given secrets go into. */
export const columnsIn = (secrets: Partial<Secrets>): (typeof COLUMN)[keyof Secrets][] =>
  (Object.keys(COLUMN) as (keyof Secrets)[])
    .filter((name) => secrets[name] !== undefined)
    .map((name) => COLUMN[name])

/**
 * The given secrets as columns of `connections`, sealed for the row `id`. An absent one is left out;
 * an unusable one is refused with 422, by its name and never its value.
 */
export async function sealSecrets(
  on: Resources,
  tx: Tx,
  { org, id }: { org: string; id: string },
  secrets: Partial<Secrets>,
): Promise<SealedColumns> {
  const given = Object.entries(secrets) as [keyof Secrets, string | undefined][]
  const sealed: SealedColumns = {}
  await holdActiveKey(on, tx, org)
  for (const [name, text] of given) {
    if (text === undefined) continue
    const column = COLUMN[name]
    if (!USABLE.test(text)) throw refusalOf(column)
    sealed[column] = await sealFor(on, tx, { purpose: `connections|${column}`, org, row: id }, text)
  }
  return sealed
}

function refusalOf(column: string): Refusal {
  const detail = `The ${column.replace('_', ' ')} is empty or has characters that no secret of Meta has.`
  return new Refusal(422, 'invalid', detail, { [column]: detail })
}
