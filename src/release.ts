import { ConfigError } from './config.ts'
import { isRetriable } from './db.ts'
import { migrate } from './migrate.ts'

/** Refusals that the operator mends outside of us: authentication, unknown database, missing rights. */
const REFUSED = /^(28|3D|42501)/

/** Bring the database up to date; names what was applied. A database that cannot be used is one line for the operator. */
export async function release(url: string): Promise<string[]> {
  try {
    return await migrate(url)
  } catch (error) {
    const { code = '' } = error as { code?: string }
    if (isRetriable(error))
      throw new ConfigError(`DATABASE_URL: the database does not answer (${code})`)
    if (REFUSED.test(code))
      throw new ConfigError(
        `DATABASE_URL: the database refuses what a release needs (${code}), e.g. make its login the owner of the database`,
      )
    throw error
  }
}
