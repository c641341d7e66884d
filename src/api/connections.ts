import { z } from 'zod'
import { listConnections, type Connection } from '../connections/connections.ts'
import { call, type Call } from './calls.ts'
import { named, time } from './shapes.ts'

const ConnectionShape = named(
  'Connection',
  z.object({
    id: z.uuid(),
    name: z.string(),
    phone_number_id: z.string(),
    waba_id: z.string(),
    display_phone: z.string().nullable(),
    state: z.enum(['pending', 'active', 'disabled', 'suspended', 'removed']),
    state_reason: z.string().nullable(),
    quality: z.string().nullable(),
    created_at: time,
  }),
)

const showConnection = (c: Connection): z.input<typeof ConnectionShape> => ({
  id: c.id,
  name: c.name,
  phone_number_id: c.phone_number_id,
  waba_id: c.waba_id,
  display_phone: c.display_phone,
  state: c.state,
  state_reason: c.state_reason,
  quality: c.quality,
  created_at: c.created_at.toISOString(),
})

export const connectionCalls: Call[] = [
  call({
    method: 'get',
    path: '/connections',
    title: 'List the WhatsApp numbers, without their secrets',
    query: z.strictObject({}),
    answer: ConnectionShape,
    isList: true,
    run: async ({ on, org }) => {
      const found = await on.db.withTenant(org, (tx) => listConnections(tx, org))
      return { data: found.map(showConnection), next_cursor: null }
    },
  }),
]
