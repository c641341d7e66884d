import { z } from 'zod'
import { verifyAudit } from '../audit/verify.ts'
import { rows } from '../db.ts'
import { notFound } from '../refusal.ts'
import { Alarm, command, type Command } from './command.ts'

export const auditCommands: Record<string, Command> = {
  'audit verify': command({
    usage: '--org ID',
    options: { org: z.uuid() },
    async run(at, { org }) {
      const on = await at.open()
      const verdict = await on.db.withTenant(org, async (tx) => {
        const [found] = await rows(tx, 'select from organizations where org_id = ?', [org])
        if (!found) throw notFound('organization')
        return verifyAudit(tx, org)
      })
      if (!verdict.valid) throw new Alarm(verdict)
      return verdict
    },
  }),
}
