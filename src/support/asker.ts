import { rows } from '../db.ts'
import type { Resources } from '../resources.ts'
import type { Ticket } from './tickets.ts'

/** Whom a ticket is of, as whoever answers needs to know it. */
export type AskerLine = { name: string; address: string; org: { id: string; name: string } | null }

export const readAsker = (
  on: Resources,
  { user_id, org_id, address }: Ticket,
): Promise<AskerLine> =>
  on.db.withSystem(async (tx) => {
    const [user] = await rows<{ name: string; email: string }>(
      tx,
      'select name, email from users where id = ?',
      [user_id],
    )
    const [org] = await rows<{ id: string; name: string }>(
      tx,
      'select org_id as id, name from organizations where org_id = ?',
      [org_id],
    )
    return {
      name: user?.name ?? 'Somebody without an account',
      address: user?.email ?? address ?? '',
      org: org ?? null,
    }
  })
