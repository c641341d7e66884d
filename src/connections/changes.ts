import { audit, SYSTEM, type AuditActor } from '../audit/audit.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { wakeConnection } from '../sending/hold.ts'
import { announce } from './connections.ts'
import { columnsIn, sealSecrets, type Secrets } from './secrets.ts'

/**
 * Replace some or all secrets. A connection that was suspended because of them is active again, and what waits
 * in its outbox is sent. Throws Refusal 404 for another organization's connection, 422 for unusable secrets.
 */
export async function changeSecrets(
  on: Resources,
  org: string,
  id: string,
  { by = SYSTEM, ...secrets }: Partial<Secrets> & { by?: AuditActor },
): Promise<void> {
  await on.db.withTenant(org, async (tx) => {
    const sealed = await sealSecrets(on, tx, { org, id }, secrets)
    const changed = await tx('connections')
      .where({ org_id: org, id })
      .whereNot({ state: 'removed' })
      .update({
        ...sealed,
        settings: tx.raw(`settings - 'check'`),
        updated_at: tx.fn.now(),
      })
    if (changed === 0) throw notFound('connection')
    await audit(tx, org, {
      actor: by,
      action: 'connection.secrets_changed',
      target: { kind: 'connection', id },
      detail: { secrets: columnsIn(secrets) },
    })
  })
  await announce(on)
  await wakeConnection(on, org, id)
}

/** Switch a connection off, or on again. Nothing is sent while it is off; what waits stays. Throws Refusal 404. */
export async function switchConnection(
  on: Resources,
  { org, by = SYSTEM }: { org: string; by?: AuditActor },
  id: string,
  state: 'active' | 'disabled',
): Promise<void> {
  await on.db.withTenant(org, async (tx) => {
    const changed = await tx('connections')
      .where({ org_id: org, id })
      .whereNot({ state: 'removed' })
      .update({ state, state_reason: null, updated_at: tx.fn.now() })
    if (changed === 0) throw notFound('connection')
    await audit(tx, org, {
      actor: by,
      action: 'connection.switched',
      target: { kind: 'connection', id },
      detail: { to: state },
    })
  })
  await announce(on)
  if (state === 'active') await wakeConnection(on, org, id)
}
