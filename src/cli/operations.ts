import { z } from 'zod'
import { rows } from '../db.ts'
import { seedLoad } from '../demo/load.ts'
import { queueStatus } from '../ops/queue-status.ts'
import { QUEUE_NAMES } from '../queues.ts'
import { Refusal } from '../refusal.ts'
import { release } from '../release.ts'
import type { Resources } from '../resources.ts'
import { command, UsageError, type Command } from './command.ts'

const count = z.coerce.number<string>().int().min(1).max(10_000_000)

export const operationCommands: Record<string, Command> = {
  migrate: command({
    usage: '',
    async run(at) {
      const { config } = await at.join()
      return { applied: await release(config.DATABASE_URL) }
    },
  }),
  'queues status': command({
    usage: '',
    run: async (at) => queueStatus(await at.open()),
  }),
  'queues resume': command({
    usage: 'NAME',
    words: ['NAME'],
    async run(at, { words: [name] }) {
      const queue = QUEUE_NAMES.find((known) => known === name)
      if (!queue) throw new UsageError(`NAME is one of ${QUEUE_NAMES.join(', ')}`)
      await (await at.open()).queues.resume(queue)
      return { resumed: queue }
    },
  }),
  'demo seed': command({
    usage: '--conversations N --messages M [--org ID]',
    options: { conversations: count, messages: count, org: z.uuid().optional() },
    async run(at, { conversations, messages, org }) {
      const on = await at.open()
      const org_id = org ?? (await oldestOrganization(on))
      return { org_id, ...(await seedLoad(on, org_id, { conversations, messages })) }
    },
  }),
}

async function oldestOrganization(on: Resources): Promise<string> {
  const [oldest] = await on.db.withSystem((tx) =>
    rows<{ org_id: string }>(tx, 'select org_id from organizations order by created_at limit 1'),
  )
  if (oldest) return oldest.org_id
  throw new Refusal(
    409,
    'no_organization',
    'There is no organization yet: make one with org create.',
  )
}
