import { audit, byPerson, type Source } from '../audit/audit.ts'
import { rows, type Tx } from '../db.ts'
import { forgetRecent } from '../preferences/recent.ts'
import { notFound } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { noteConsent } from '../restrictions/consents.ts'
import { beginRefs, cutRefs } from '../usage/refs.ts'

/** What people may say no to, for themselves and for their organization. */
export const SUBJECTS = ['usage', 'personalisation', 'optional_mail'] as const
export type Subject = (typeof SUBJECTS)[number]

/** What a person said, and what their organization said for everybody: either no is a no. */
export type Choices = {
  usage: { objectedAt: Date | null; isOff: boolean }
  personalisation: { objectedAt: Date | null; isOff: boolean }
  optional_mail: { isOff: boolean }
}

/** Throws Refusal 404 for somebody who does not belong to the organization. */
export async function readChoices(tx: Tx, org: string, user: string): Promise<Choices> {
  const [found] = await rows<{
    usage: Date | null
    personalisation: Date | null
    no_usage: boolean
    no_personalisation: boolean
    no_optional_mail: boolean
  }>(
    tx,
    `select m.usage_objected_at as usage, m.personalisation_objected_at as personalisation,
            o.no_usage, o.no_personalisation, o.no_optional_mail
       from memberships m join organizations o using (org_id) where m.org_id = ? and m.user_id = ?`,
    [org, user],
  )
  if (!found) throw notFound('membership')
  return {
    usage: { objectedAt: found.usage, isOff: found.no_usage },
    personalisation: { objectedAt: found.personalisation, isOff: found.no_personalisation },
    optional_mail: { isOff: found.no_optional_mail },
  }
}

/**
 * A person wants nothing made out of what they do here, or takes that back. What was made goes in the same step.
 * Source: privacy promise P20.
 */
export async function choosePersonalisation(
  on: Resources,
  { org, user }: { org: string; user: string },
  { isOn }: { isOn: boolean },
): Promise<void> {
  const now = on.now()
  await on.db.withTenant(org, async (tx) => {
    const changed = await rows(
      tx,
      `update memberships set personalisation_objected_at = ? where org_id = ? and user_id = ?
          and (personalisation_objected_at is null) <> ? returning 1`,
      [isOn ? null : now, org, user, isOn],
    )
    if (changed.length === 0) return
    if (!isOn) await forgetRecent(tx, org, user)
    await noteConsent(tx, org, {
      user,
      purpose: 'personalisation',
      state: isOn ? 'given' : 'withdrawn',
      road: 'settings',
      actor: user,
      at: now,
    })
  })
}

const COLUMNS: Readonly<Record<Subject, string>> = {
  usage: 'no_usage',
  personalisation: 'no_personalisation',
  optional_mail: 'no_optional_mail',
}

type Admin = { org: string; user: string; source?: Source }

/**
 * An admin decides for everybody: a no stops it at once for all members, whatever they chose. What was made out of their
 * use goes; of usage events nothing leads to a person from then on. A yes leaves each member's own no.
 */
export async function chooseForAll(
  on: Resources,
  who: Admin,
  { subject, isOn }: { subject: Subject; isOn: boolean },
): Promise<void> {
  const { org, user } = who
  const now = on.now()
  await on.db.withTenant(org, async (tx) => {
    const changed = await rows(
      tx,
      `update organizations set ${COLUMNS[subject]} = ?, updated_at = now() where org_id = ? and ${COLUMNS[subject]} = ? returning 1`,
      [!isOn, org, isOn],
    )
    if (changed.length === 0) return
    if (!isOn && subject === 'personalisation') await forgetRecent(tx, org)
    if (subject === 'usage') await (isOn ? beginRefs(tx, org, now) : cutRefs(tx, org))
    const state = isOn ? 'given' : 'withdrawn'
    await noteConsent(tx, org, { purpose: subject, state, road: 'settings', actor: user, at: now })
    const detail = { subject, to: isOn ? ('on' as const) : ('off' as const) }
    await audit(tx, org, { actor: byPerson(who), action: 'organization.choice_changed', detail })
  })
}
