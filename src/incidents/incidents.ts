import { rows } from '../db.ts'
import { newId } from '../ids.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'

export const KINDS = ['confidentiality', 'integrity', 'availability'] as const
export const EXPOSED = ['api_key', 'person', 'organization', 'installation'] as const
export type Exposed = (typeof EXPOSED)[number]

export type Incident = {
  id: string
  kind: (typeof KINDS)[number]
  aware_at: Date
  facts: string
  effects: string | null
  measures: string | null
  categories: string[]
  subjects_estimate: number | null
  records_estimate: number | null
  exposed: Exposed | null
  exposed_id: string | null
  exposed_from: Date | null
  exposed_until: Date | null
  /** Rows that were reached, by organization and table. */
  reach: Record<string, Record<string, number>>
  authority_reason: string | null
  people_reason: string | null
  notified_authority_at: Date | null
  notified_orgs_at: Date | null
  notified_people_at: Date | null
  closed_at: Date | null
  /** Organizations it concerns, and those not told yet. */
  orgs: number
  untold: number
}

const COLUMNS = `i.*, (select count(*)::int from incident_orgs o where o.incident_id = i.id) as orgs,
  (select count(*)::int from incident_orgs o where o.incident_id = i.id and o.told_at is null) as untold`

/** Write a breach down. The clocks run from `aware_at`, not from now. Throws Refusal 422 for a moment to come. */
export async function openIncident(
  on: Resources,
  { kind, aware_at, facts }: Pick<Incident, 'kind' | 'aware_at' | 'facts'>,
): Promise<string> {
  const detail = 'This moment has not come yet.'
  if (aware_at > on.now()) throw new Refusal(422, 'invalid', detail, { aware_at: detail })
  const id = newId()
  await on.db.withSystem((tx) =>
    rows(tx, 'insert into incidents (id, kind, aware_at, facts) values (?, ?, ?, ?)', [
      id,
      kind,
      aware_at,
      facts,
    ]),
  )
  return id
}

export const listIncidents = (on: Resources): Promise<Incident[]> =>
  on.db.withSystem((tx) =>
    rows<Incident>(
      tx,
      `select ${COLUMNS} from incidents i order by i.closed_at is not null, i.aware_at desc limit 100`,
    ),
  )

/** Throws Refusal 404. */
export async function readIncident(on: Resources, id: string): Promise<Incident> {
  const [found] = await on.db.withSystem((tx) =>
    rows<Incident>(tx, `select ${COLUMNS} from incidents i where i.id = ?`, [id]),
  )
  if (!found) throw notFound('incident')
  return found
}

export type Account = Partial<
  Pick<
    Incident,
    | 'facts'
    | 'effects'
    | 'measures'
    | 'subjects_estimate'
    | 'authority_reason'
    | 'people_reason'
    | 'notified_authority_at'
    | 'notified_orgs_at'
    | 'notified_people_at'
    | 'exposed'
    | 'exposed_id'
    | 'exposed_from'
    | 'exposed_until'
  >
>

/** Change what is accounted for, as long as it is open. Throws Refusal 404, 409 `closed`. */
export async function account(on: Resources, id: string, change: Account): Promise<void> {
  const changed = await on.db.withSystem((tx) =>
    tx('incidents').where({ id }).whereNull('closed_at').update(change),
  )
  if (changed > 0) return
  await readIncident(on, id)
  throw new Refusal(409, 'closed', 'This incident is closed.')
}

/** What is missing before a breach may be closed, a sentence for each field. Source: GDPR 33(5), 33(1), 33(2), 34. */
export function missingIn(incident: Incident): Record<string, string> {
  const { effects, measures, authority_reason, people_reason, untold } = incident
  const fields: Record<string, string> = {}
  if (!effects) fields['effects'] = 'Write what it led to, or may lead to.'
  if (!measures) fields['measures'] = 'Write what was done about it.'
  if (!incident.notified_authority_at && !authority_reason)
    fields['authority'] = 'Note when the authority was told, or why it need not be.'
  if (untold > 0) fields['organizations'] = `${untold} organizations were not told yet.`
  if (!incident.notified_people_at && !people_reason)
    fields['people'] = 'Tell the people, or write why they need not be told.'
  return fields
}

/** Throws Refusal 422 with what is missing, 404. Closed twice is closed once. */
export async function closeIncident(on: Resources, id: string): Promise<void> {
  const incident = await readIncident(on, id)
  const fields = missingIn(incident)
  const [first] = Object.values(fields)
  if (first !== undefined) throw new Refusal(422, 'unaccounted', first, fields)
  await on.db.withSystem((tx) =>
    rows(tx, 'update incidents set closed_at = coalesce(closed_at, ?) where id = ?', [
      on.now(),
      id,
    ]),
  )
}
