import { z } from 'zod'
import { rows } from '../db.ts'
import type { Resources } from '../resources.ts'
import { disconnect } from './grants.ts'

const Ended = z.object({
  event: z.enum(['ACCOUNT_DELETED', 'PARTNER_REMOVED', 'PARTNER_APP_UNINSTALLED']),
  waba_info: z
    .object({ waba_id: z.coerce.string().optional(), partner_app_id: z.coerce.string().optional() })
    .optional(),
})
const Entry = z.object({ id: z.coerce.string().optional(), time: z.coerce.number().optional() })

/** That Meta ended an account's connection to an app (any, when it does not say which), and when. */
export type End = { waba: string; app: string | null; at: Date }

/**
 * What an `account_update` says has ended, or undefined for one that says something else. `arrived` stands in for a
 * missing time. Source: WhatsApp webhooks, account_update; promise P41.
 */
export function endIn(
  { entry, value }: { entry: unknown; value: unknown },
  arrived: Date,
): End | undefined {
  const [found, around] = [Ended.safeParse(value), Entry.safeParse(entry)]
  if (!found.success || !around.success) return undefined
  const { waba_id: waba = around.data.id, partner_app_id: app = null } = found.data.waba_info ?? {}
  const { time } = around.data
  return waba ? { waba, app, at: time ? new Date(time * 1_000) : arrived } : undefined
}

/**
 * Destroys the tokens of this account's connections and stops their sending. A connection that was changed since is
 * left alone: Meta repeats webhooks for days, and somebody may have mended it meanwhile.
 */
export async function endConnections(on: Resources, org: string, end: End): Promise<void> {
  const ended = await on.db.withTenant(org, (tx) =>
    rows<{ id: string }>(
      tx,
      `select id from connections where org_id = ? and waba_id = ? and updated_at < ?::timestamptz + interval '1 second'
          and (?::text is null or app_id is null or app_id = ?)`,
      [org, end.waba, end.at, end.app, end.app],
    ),
  )
  for (const { id } of ended) await disconnect(on, { org, id })
}
