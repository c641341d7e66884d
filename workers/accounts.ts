import { pruneAccounts } from '../src/accounts/prune.ts'
import type { Resources } from '../src/resources.ts'

const EVERY_MS = 600_000

/** Takes away ended sign-ins and what else nobody can use, every ten minutes. */
export function accounts(on: Resources): () => void {
  const timer = setInterval(() => {
    pruneAccounts(on).catch((error: unknown) => on.log.warn({ err: error }, 'accounts sweep'))
  }, EVERY_MS)
  return () => clearInterval(timer)
}
