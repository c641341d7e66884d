import { pruneAccounts } from '../src/accounts/prune.ts'
import type { Resources } from '../src/resources.ts'
import { repeat } from '../src/schedule.ts'

/** Takes away ended sign-ins and what else nobody can use, every ten minutes. */
export const accounts = (on: Resources): (() => Promise<void>) =>
  repeat(on, { name: 'accounts', everyMs: 600_000 }, () => pruneAccounts(on))
