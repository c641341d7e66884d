import { isIP } from 'node:net'
import { rows, type Tx } from '../db.ts'
import { LIMITS } from '../privacy/limits.ts'
import { ACTIONS, type Action, type DetailOf } from './actions.ts'

/** Where an act came from; the network address is cut before it is kept. */
export type Source = { ip: string; request: string }

/** Who acts: somebody signed in, a program, the product itself, whoever operates it, or the person data is about. */
export type AuditActor = {
  kind: 'user' | 'api_key' | 'system' | 'operator' | 'subject'
  id?: string | null
} & Partial<Source>

export const SYSTEM: AuditActor = { kind: 'system' }
/** The command line: who may run it holds the keys of the installation. */
export const OPERATOR: AuditActor = { kind: 'operator' }

export const byPerson = ({ user, source }: { user: string; source?: Source }): AuditActor => ({
  kind: 'user',
  id: user,
  ...source,
})

type Target = { kind: string; id: string }
/** One entry; the detail is that of its action, and none where the action tells nothing more. */
export type Entry<A extends Action> = {
  actor: AuditActor
  action: A
  target?: Target
} & (Record<string, never> extends DetailOf<A> ? { detail?: DetailOf<A> } : { detail: DetailOf<A> })

/**
 * Write one entry at the end of an organization's chain, in the transaction of what it tells, as its last statement
 * but the feed's: the chain has one writer at a time until the commit. Works in both doors.
 * Throws when the detail holds anything its action does not declare.
 */
export async function audit<A extends Action>(
  tx: Tx,
  org: string,
  { actor, action, target, detail }: Entry<A>,
): Promise<void> {
  await rows(
    tx,
    `insert into audit_log (org_id, actor_kind, actor_id, action, target_kind, target_id, ip, request_id, detail)
     values (:org, :kind, :id, :action, :targetKind, :targetId, network(set_masklen(:ip::inet, :bits)), :request, :detail)`,
    {
      org,
      kind: actor.kind,
      id: actor.id ?? null,
      action,
      targetKind: target?.kind ?? null,
      targetId: target?.id ?? null,
      ...cutAddress(actor.ip),
      request: actor.request || null,
      detail: JSON.stringify(ACTIONS[action].detail.parse(detail ?? {})),
    },
  )
}

/** As `audit`, in each of the organizations that still keeps a log; one order for all, so that no two wait for each other. */
export async function auditEach<A extends Action>(
  tx: Tx,
  orgs: string[],
  entryOf: (org: string) => Entry<A>,
): Promise<void> {
  const open = await rows<{ org: string }>(
    tx,
    `select org_id as org from organizations where org_id = any(?) and status <> 'purging' order by 1`,
    [orgs],
  )
  for (const { org } of open) await audit(tx, org, entryOf(org))
}

/** In every organization of a person, for what they do as themselves; `tx` is a system one. */
export async function auditPerson<A extends Action>(
  tx: Tx,
  user: string,
  entry: Entry<A>,
): Promise<void> {
  const orgs = await rows<{ org: string }>(tx, `select org_id as org from user_orgs(?)`, [user])
  await auditEach(
    tx,
    orgs.map(({ org }) => org),
    () => entry,
  )
}

/** A network, not a household: /24 of an IPv4 address, /48 of an IPv6 one; nothing where no address may be kept. */
export function cutAddress(address = ''): { ip: string | null; bits: number } {
  const ip = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '')
  const version = LIMITS.IP_RETENTION_DAYS.is === 0 ? 0 : isIP(ip)
  return { ip: version === 0 ? null : ip, bits: version === 6 ? 48 : 24 }
}
