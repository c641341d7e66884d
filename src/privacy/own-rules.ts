import { rows, type Tx } from '../db.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { OWN_LIMITS, type OwnRule } from './limits.ts'

/** Days for each kind the organization decided about; what is undefined stays as long as the account is active. */
export type OwnRules = Record<OwnRule, number | undefined>

export async function readOwnRules(tx: Tx, org: string): Promise<OwnRules> {
  const found = await rows<{ rule: OwnRule; days: number }>(
    tx,
    `select rule, days from retention_settings where org_id = ?`,
    [org],
  )
  const daysOf = (rule: OwnRule) => found.find((row) => row.rule === rule)?.days
  return { messages: daysOf('messages'), media: daysOf('media') }
}

/** Whether anything would stay shorter than now: only that can remove what is there. */
export const isLower = (wanted: OwnRules, present: OwnRules): boolean =>
  (['messages', 'media'] as const).some(
    (rule) => (wanted[rule] ?? Infinity) < (present[rule] ?? Infinity),
  )

/** Throws Refusal 422 for days outside the bounds of their kind. */
export function checkOwnRules(wanted: OwnRules): void {
  const fields: Record<string, string> = {}
  for (const [rule, { least, most }] of Object.entries(OWN_LIMITS)) {
    const days = wanted[rule as OwnRule]
    if (days !== undefined && (days < least || days > most))
      fields[rule] = `Between ${least} and ${most} days, or empty to keep them.`
  }
  const [first] = Object.values(fields)
  if (first) throw new Refusal(422, 'invalid', first, fields)
}

/** Keeps the rules; the next sweep acts on them. What is gone does not come back when they are made longer. */
export async function changeOwnRules(
  on: Resources,
  { org, user }: { org: string; user: string },
  wanted: OwnRules,
): Promise<void> {
  checkOwnRules(wanted)
  const now = on.now()
  await on.db.withTenant(org, async (tx) => {
    for (const [rule, days] of Object.entries(wanted))
      if (days === undefined)
        await tx.raw(`delete from retention_settings where org_id = ? and rule = ?`, [org, rule])
      else
        await tx.raw(
          `insert into retention_settings as s (org_id, rule, days, changed_by, changed_at) values (?, ?, ?, ?, ?)
           on conflict (org_id, rule) do update set days = excluded.days, changed_by = excluded.changed_by,
             changed_at = excluded.changed_at where s.days <> excluded.days`,
          [org, rule, days, user, now],
        )
  })
}
