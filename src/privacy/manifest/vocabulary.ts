/** What kind of value a column holds. The lists of this file are closed: the test refuses any other word. */
export type Category =
  | 'identity'
  | 'contact_detail'
  | 'content'
  | 'message_metadata'
  | 'credential'
  | 'secret'
  | 'usage'
  | 'network'
  | 'preference'
  | 'support'
  | 'billing'
  | 'audit'
  | 'system'

/** Who a value is about: a person with an account, a customer on WhatsApp, the organization, or nobody. */
export type Subject = 'account_user' | 'contact' | 'org' | 'none'

/** The five uses that §3 of the privacy policy names, and no sixth. */
export type Purpose = 'provide' | 'route' | 'personalise' | 'communicate' | 'protect'

export type LawfulBasis =
  'contract' | 'legitimate_interest' | 'consent' | 'legal_obligation' | 'processor_instruction'

export type Origin = 'person' | 'meta_webhook' | 'agent' | 'import' | 'derived' | 'system'

/** `presence_only` tells that there is a value; an exclusion says why. */
export type Export = 'include' | 'include_masked' | 'presence_only' | { exclude: string }

export type Erase =
  | 'delete_row'
  | 'null'
  | 'pseudonymise'
  | 'redact_paths'
  | 'aggregate'
  | 'shred'
  | { keep: string; until: string }

/** `gcm_org`: under the organization's data key; `gcm_instance`: under the key of the installation. */
export type Sealed = 'none' | 'gcm_org' | 'gcm_instance' | 'hash' | 'hmac'

/** What the privacy policy's promises need to know about one column or one store. */
export type Entry = {
  category: Category
  subject: Subject
  /**
   * The way from the row to its subject: `self`; hops `column->table` along foreign keys or
   * `column~>table` by value, joined with dots; or `expires`, when no way exists and the
   * retention rule removes the row before any deletion would be due.
   */
  link?: string
  purpose: readonly Purpose[]
  lawfulBasis: LawfulBasis
  /** For `legitimate_interest`: why it does not outweigh the person's own. */
  balance?: string
  collectedFrom: Origin
  /** A rule of `retention.ts`. */
  retention: string
  export: Export
  erase: Erase
  sealed: Sealed
  /** For `consent`: the switch on which the person gives and withdraws it. */
  toggle?: string
  /** For JSON: every path that may occur, dots between keys; `*` is any key, `**` at the end whatever lies below. */
  paths?: readonly string[]
  /** For JSON: what lies below these keys is about somebody else, and masked where one contact's own data leave. */
  others?: readonly string[]
  /** Why free text is about nobody, or why something unusual is right. */
  why?: string
}

/**
 * A place outside the tables that can hold bytes; `matches` tells people where. A queue is named `queue` and its name, other
 * keys in Redis `keys` and their name; both are found by it. `files` finds files: below `data:`, which is DATA_DIR, or below `media:`, which is MEDIA_URL.
 */
export type Store = Entry & {
  store: string
  kind: 'files' | 'queue' | 'keys' | 'tables' | 'channel' | 'log' | 'cookie' | 'provider'
  matches: string
  files?: readonly string[]
}

/**
 * `due` is the condition, over `:now` and `:days`, under which the rule removes a row; `by` the database function that
 * removes it (organization, time, most rows), where the table lets nobody delete.
 */
export type Sweep = { rule: string; due: string; by?: string }

export type Table = {
  table: string
  columns: Readonly<Record<string, Entry>>
  sweeps: readonly Sweep[]
}

/** A table whose columns share `base`; each column says only where it differs. */
export function table(
  name: string,
  base: Entry,
  columns: Record<string, Partial<Entry>>,
  sweeps: readonly Sweep[] = [],
): Table {
  const whole = Object.entries(columns).map(
    ([column, own]) => [column, { ...base, ...own }] as const,
  )
  return { table: name, columns: Object.fromEntries(whole), sweeps }
}

/** What a customer's row is by default: held for the organization, on its instruction (GDPR Art. 28). */
export const aboutContact = (link: string, retention: string): Entry => ({
  category: 'message_metadata',
  subject: 'contact',
  link,
  purpose: ['provide', 'route'],
  lawfulBasis: 'processor_instruction',
  collectedFrom: 'meta_webhook',
  retention,
  export: 'include',
  erase: 'delete_row',
  sealed: 'none',
})

/** What a row about a person with an account is by default. */
export const aboutUser = (link: string, retention: string): Entry => ({
  ...aboutContact(link, retention),
  category: 'system',
  subject: 'account_user',
  purpose: ['provide'],
  lawfulBasis: 'contract',
  collectedFrom: 'system',
})

/** What a row about the organization itself is by default. */
export const aboutOrganization = (retention: string): Entry => ({
  ...aboutUser('org_id->organizations', retention),
  subject: 'org',
})

/** What a row about nobody is by default. */
export const aboutNobody = (retention: string): Entry => {
  const { link: _, ...rest } = aboutOrganization(retention)
  return { ...rest, subject: 'none', export: { exclude: 'machinery, no data of a person' } }
}

/** Ids and timestamps: they say that something is, not what. */
export const key = { category: 'system', collectedFrom: 'system' } as const

/** A colleague's id in a row about something else: it goes when that colleague's account does. */
export const colleague = (column: string): Partial<Entry> => ({
  ...aboutUser(`${column}~>users`, 'account_life'),
  erase: 'null',
})

/** A credential: sealed under the organization's data key and handed out to nobody. */
export const credential = {
  category: 'credential',
  collectedFrom: 'person',
  export: 'presence_only',
  sealed: 'gcm_org',
} as const
