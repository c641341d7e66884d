import type { Deletion } from './deletion.ts'

/** What whoever holds the code may know: how far it is, and what was removed; nobody is named. */
export type Status = {
  state: Deletion['state']
  kind: Deletion['kind']
  reason: Deletion['reason']
  requested_at: Date
  grace_until: Date | null
  deadline: Date
  purged_at: Date | null
  backups_clear_at: Date | null
  steps: Record<string, { done: boolean; counts: Record<string, number> }>
  certificate?: object
  signature?: string
  key?: string
}

type Kept = { certificate: object; key: string }

export function statusOf(deletion: Deletion): Status {
  const { state, kind, reason, requested_at, grace_until, purged_at, backups_clear_at } = deletion
  const { certificate, key } = (deletion.certificate ?? {}) as Partial<Kept>
  return {
    state,
    kind,
    reason,
    requested_at,
    grace_until,
    deadline: deletion.deadline_at,
    purged_at,
    backups_clear_at,
    steps: deletion.steps,
    ...(certificate && key && deletion.signature
      ? { certificate, signature: deletion.signature, key }
      : {}),
  }
}
