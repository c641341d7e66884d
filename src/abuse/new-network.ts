import { cutAddress, type Source } from '../audit/audit.ts'
import { rows } from '../db.ts'
import type { Resources } from '../resources.ts'
import { noteExcess } from './measures.ts'
import { lengthOf, RULES } from './rules.ts'

const MINUTE_MS = 60_000
/** Addresses are not kept longer, so nobody can be known for longer. */
const KNOWN_DAYS = 14

/**
 * Somebody signs in after many tries that failed, and from where they did not sign in lately: whoever it is has the
 * password, and is asked for it again before anything sensitive. Call it before the sign-in is written down.
 */
export async function watchNetwork(
  on: Resources,
  { user, org, source }: { user: string; org: string; source?: Source },
): Promise<void> {
  const { limit, minutes } = RULES.new_network
  const { ip, bits } = cutAddress(source?.ip)
  if (ip === null) return
  const now = on.now().getTime()
  const failures = await on.db.withTenant(org, async (tx) => {
    const [tries] = await rows<{ n: number }>(
      tx,
      `select count(*)::int as n from audit_log where org_id = ? and action = 'sign_in.failed' and target_id = ? and at > ?`,
      [org, user, new Date(now - minutes * MINUTE_MS)],
    )
    if (!tries || tries.n <= limit) return 0
    const [known] = await rows<{ elsewhere: boolean; here: boolean }>(
      tx,
      `select coalesce(bool_or(ip is not null), false) as elsewhere,
              coalesce(bool_or(ip = network(set_masklen(:ip::inet, :bits))), false) as here
         from audit_log where org_id = :org and action = 'sign_in.ok' and actor_id = :user and at > :since`,
      { org, user, ip, bits, since: new Date(now - KNOWN_DAYS * 1_440 * MINUTE_MS) },
    )
    return known?.elsewhere && !known.here ? tries.n : 0
  })
  if (failures === 0) return
  const because = `You signed in from a network you did not use in ${KNOWN_DAYS} days, after ${failures} tries that failed in ${lengthOf(minutes)}; limit ${limit}.`
  const counts = { failures, limit, minutes }
  await on.db.withSystem((tx) =>
    noteExcess(on, tx, { org, user, rule: 'new_network', because, counts }),
  )
}

/** When somebody counts as having entered their password who did so just now, in milliseconds: never, while they are asked again. */
export async function authTimeOf(on: Resources, user: string): Promise<number> {
  const asked = await on.db.withSystem((tx) =>
    rows(
      tx,
      `select 1 from abuse_findings where user_id = ? and rule = 'new_network' and expires_at > ?
          and outcome is distinct from 'lifted' limit 1`,
      [user, on.now()],
    ),
  )
  return asked.length > 0 ? 0 : on.now().getTime()
}
