import { csvLine } from './export-text.ts'
import { manifest, manifestHash } from './manifest.ts'
import type { Entry, Store } from './manifest/vocabulary.ts'
import { BASES, CATEGORIES, ORIGINS, PURPOSES, sealWords, SUBJECTS } from './words.ts'

/** One line of a record of processing: what is done with whose data, why, for how long, and who else gets it. */
export type Activity = {
  subjects: string
  /** Who decides: the organization about its customers, whoever operates ChatFlow about accounts. */
  controller: 'organization' | 'operator'
  purposes: string[]
  lawful_basis: string
  balance: string[]
  categories: string[]
  sources: string[]
  retention: string[]
  recipients: string[]
  measures: string[]
  /** Tables with their columns, and other places, that take part. */
  places: string[]
}

export type Record30 = {
  about: string
  operator: { name: string; contact: string; address: string }
  organization?: { name: string }
  made_at: string
  manifest_hash: string
  activities: Activity[]
}

type Placed = { place: string; entry: Entry }

const MEASURES = [
  'each organization apart by row level security that binds the owner of the tables too',
  'the outside is reached through one door with a list of hosts',
  'backups expire within the time of a deletion',
]

/**
 * The manifest as a record of processing activities: entries with the same subject, purposes and basis are one activity.
 * Source: GDPR Art. 30(1) and (2); privacy promise P8.
 */
export function activities(): Activity[] {
  const groups = new Map<string, Placed[]>()
  for (const placed of personal()) {
    const { subject, purpose, lawfulBasis } = placed.entry
    const key = [subject, purpose.join('+'), lawfulBasis].join(' ')
    groups.set(key, [...(groups.get(key) ?? []), placed])
  }
  return [...groups.values()].map(activityOf)
}

function personal(): Placed[] {
  const columns = manifest.tables.flatMap(({ table, columns: entries }) =>
    Object.entries(entries).map(([column, entry]) => ({ place: `${table}.${column}`, entry })),
  )
  const stores = manifest.stores.map((entry) => ({ place: entry.store, entry }))
  return [...columns, ...stores].filter(({ entry }) => entry.subject !== 'none')
}

function activityOf(group: Placed[]): Activity {
  const entries = group.map(({ entry }) => entry)
  const each = (of: (entry: Entry) => string): string[] =>
    [...new Set(entries.map(of))].filter(Boolean).toSorted()
  const [{ subject, purpose, lawfulBasis } = {} as Entry] = entries
  return {
    subjects: SUBJECTS[subject],
    controller: subject === 'contact' ? 'organization' : 'operator',
    purposes: purpose.map((one) => PURPOSES[one]),
    lawful_basis: BASES[lawfulBasis],
    balance: each(({ balance }) => balance ?? ''),
    categories: each(({ category }) => CATEGORIES[category]),
    sources: each(({ collectedFrom }) => ORIGINS[collectedFrom]),
    retention: each(({ retention }) => manifest.retention[retention]?.says ?? ''),
    recipients: manifest.stores.filter((store) => isRecipient(store, subject)).map(nameOf),
    measures: [...each(sealWords), ...MEASURES],
    places: group.map(({ place }) => place),
  }
}

const isRecipient = (store: Store, subject: Entry['subject']): boolean =>
  store.kind === 'provider' && store.subject === subject
const nameOf = ({ store }: Store): string => store

/** The whole record, of an organization where one is named. */
export const recordOfProcessing = (given: {
  contact: string
  address: string
  now: Date
  organization?: string
}): Record30 => ({
  about: 'Record of processing activities under GDPR Art. 30, made from the data inventory',
  operator: { name: 'ChatFlow CRM', contact: given.contact, address: given.address },
  ...(given.organization === undefined ? {} : { organization: { name: given.organization } }),
  made_at: given.now.toISOString(),
  manifest_hash: manifestHash(),
  activities: activities(),
})

/** The record for a spreadsheet, a line for each activity (RFC 4180). */
export function recordAsCsv({ activities: all }: Record30): string {
  const [first] = all
  const names = Object.keys(first ?? {}) as (keyof Activity)[]
  const cell = (value: string | string[]): string =>
    typeof value === 'string' ? value : value.join('; ')
  const lines = all.map((activity) => csvLine(names.map((name) => cell(activity[name]))))
  return csvLine(names) + lines.join('')
}
