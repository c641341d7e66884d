import { insert } from '../announcements/announcements.ts'
import { mailAnnouncements } from '../announcements/mailing.ts'
import { auditEach, type AuditActor } from '../audit/audit.ts'
import { rows } from '../db.ts'
import { DAY_MS } from '../privacy/limits.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { account, readIncident, type Incident } from './incidents.ts'

export type Audience = 'organizations' | 'people'
const DAYS = 30

const kindsIn = ({ categories }: Incident): string =>
  categories.length > 0 ? categories.join(', ').replaceAll('_', ' ') : 'not known yet'

const common = (incident: Incident): string[] => [
  `What happened: ${incident.facts}`,
  `We have known of it since ${incident.aware_at.toISOString()}.`,
  `Kinds of data: ${kindsIn(incident)}.`,
  `What it may lead to: ${incident.effects ?? 'we are finding out'}`,
  `What was done: ${incident.measures ?? 'we are on it'}`,
]

/** What a notice says until somebody writes it better. Sources: GDPR 33(3) for the authority, 33(2) and 34(2). */
export function draftOf(on: Resources, to: Audience | 'authority', incident: Incident): string {
  const contact = `Contact: ${on.config.PRIVACY_CONTACT}`
  if (to === 'authority')
    return [
      `Notification of a personal data breach (${incident.kind}), GDPR Article 33.`,
      ...common(incident),
      `People concerned, about: ${incident.subjects_estimate ?? 'not known yet'}. Records, about: ${incident.records_estimate ?? 'not known yet'}. Organizations: ${incident.orgs}.`,
      contact,
    ].join('\n\n')
  const lead =
    to === 'organizations'
      ? 'Data of your organization was part of a breach. You may have to tell your own authority within 72 hours, and your customers.'
      : 'Data of yours was part of a breach.'
  return [lead, ...common(incident), contact].join('\n\n')
}

type Notice = { to: Audience; body: string; by: AuditActor }

/**
 * Tell the owners of the organizations a breach concerns, or all their members, by mail and banner; it is written into
 * each organization's audit log. Throws Refusal 409 while no organization is known to be concerned.
 */
export async function sendNotice(
  on: Resources,
  id: string,
  { to, body, by }: Notice,
): Promise<void> {
  const incident = await readIncident(on, id)
  if (incident.closed_at) throw new Refusal(409, 'closed', 'This incident is closed.')
  if (incident.orgs === 0)
    throw new Refusal(409, 'nobody', 'Look up first whom it concerns: nobody would get this.')
  const now = on.now()
  await on.db.withSystem(async (tx) => {
    await insert(tx, {
      kind: 'incident',
      title:
        to === 'people' ? 'Your data was part of a breach' : 'A breach concerns your organization',
      body,
      incident_id: id,
      audience: to === 'people' ? 'members' : 'owners',
      published_at: now,
      ends_at: new Date(now.getTime() + DAYS * DAY_MS),
    })
    const told = await rows<{ org_id: string }>(
      tx,
      `update incident_orgs set told_at = coalesce(told_at, ?) where incident_id = ? returning org_id`,
      [now, id],
    )
    await auditEach(
      tx,
      told.map(({ org_id }) => org_id),
      () => ({ actor: by, action: 'incident.told', target: { kind: 'incident', id } }),
    )
  })
  await account(
    on,
    id,
    to === 'people'
      ? { notified_people_at: now, notified_orgs_at: now }
      : { notified_orgs_at: now },
  )
  await mailAnnouncements(on, now)
}
