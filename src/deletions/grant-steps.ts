import { disconnect, listGranted, type Grant } from '../connections/grants.ts'
import type { Handles } from './deletion.ts'
import { appendLedger } from './ledger.ts'
import { writeLedgerFile } from './ledger-file.ts'
import { releaseNumbers } from './release.ts'
import type { Step } from './steps.ts'

const grantOf = ({ values: [app = '', user = '', ...orgs] }: Handles): Grant => ({
  app,
  user,
  orgs,
})

/** With the token, so before the token goes. */
const release: Step = {
  name: 'meta_release',
  async run(run) {
    const { on, handles } = run
    const grant = grantOf(handles)
    const orgs = (await listGranted(on, grant)).map(({ org }) => org)
    return releaseNumbers(run, { orgs: [...new Set(orgs)], grantor: grant.user })
  },
}

const forget: Step = {
  name: 'grant',
  async run({ on, deletion, handles }) {
    const granted = await listGranted(on, grantOf(handles))
    // Who granted is forgotten; which tokens must never work again is not.
    const told = { what: 'grant' as const, deletion: deletion.id, connections: granted }
    await on.db.withSystem((tx) => appendLedger(on, tx, told))
    await writeLedgerFile(on)
    for (const at of granted) await disconnect(on, at)
    if ((await listGranted(on, grantOf(handles))).length > 0) throw new Error('a grant is left')
    return { counts: { connections: granted.length } }
  },
}

/** What was got through one person's grant on Facebook; conversations are the organization's. Source: promise P41. */
export const GRANT_STEPS: readonly Step[] = [release, forget]
