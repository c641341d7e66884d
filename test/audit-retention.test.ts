import { audit, SYSTEM } from '../src/audit/audit.ts'
import { listAudit } from '../src/audit/log.ts'
import { verifyAudit } from '../src/audit/verify.ts'
import { DAY_MS, LIMITS } from '../src/privacy/limits.ts'
import { sweepRetention } from '../src/privacy/retention.ts'
import { startApp } from './support/app.ts'

test('a sweep takes the oldest entries of the audit log, and what stays is a whole chain', async () => {
  const { on, org: newOrg, stop } = await startApp({ workers: false })
  const org = await newOrg()
  const tell = (): Promise<void> =>
    on.db.withTenant(org.id, (tx) =>
      audit(tx, org.id, { actor: SYSTEM, action: 'organization.renamed' }),
    )
  const entries = (): Promise<number> =>
    on.db.withTenant(org.id, async (tx) => {
      expect(await verifyAudit(tx, org.id)).toMatchObject({ valid: true })
      // After a year the sweep also changes the key, and says so.
      const listed = await listAudit(tx, org.id, { limit: 10 })
      return listed.filter(({ action }) => action === 'organization.renamed').length
    })
  await tell()
  await tell()
  const age = LIMITS.AUDIT_DAYS.is * DAY_MS
  await sweepRetention(on, new Date(Date.now() + age - 60_000))
  expect(await entries()).toBe(2)
  await sweepRetention(on, new Date(Date.now() + age + 60_000))
  expect(await entries()).toBe(0)
  await tell()
  expect(await entries()).toBe(1)
  await stop()
})
