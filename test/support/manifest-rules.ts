import type { Declared } from '../../src/privacy/inventory.ts'
import { manifest } from '../../src/privacy/manifest.ts'
import type { Entry } from '../../src/privacy/manifest/vocabulary.ts'
import type { ForeignKey, LiveColumn } from './schema.ts'

/** What the database says of the columns that the manifest declares. */
export type Schema = { live: LiveColumn[]; keys: ForeignKey[] }
/** An entry with its place; stores have no column. */
type At = Schema & { name: string; table?: string; entry: Entry }
type Rule = (at: At, column: LiveColumn | undefined) => boolean

const CATEGORIES =
  'identity contact_detail content message_metadata credential secret usage network preference support billing audit system'
const WORDS: Partial<Record<keyof Entry, string>> = {
  category: CATEGORIES,
  subject: 'account_user contact org none',
  lawfulBasis: 'contract legitimate_interest consent legal_obligation processor_instruction',
  collectedFrom: 'person meta_webhook agent import derived system',
  sealed: 'none gcm_org gcm_instance hash hmac',
}
const PURPOSES = new Set(['provide', 'route', 'personalise', 'communicate', 'protect'])
const HOME = { account_user: 'users', contact: 'contacts', org: 'organizations', none: '' }

const isPersonal = ({ subject }: Entry): boolean =>
  subject === 'account_user' || subject === 'contact'
const isSecret = ({ category }: Entry): boolean => ['secret', 'credential'].includes(category)
const isFree = ({ type, closed }: LiveColumn): boolean =>
  ['json', 'jsonb', 'text[]'].includes(type) || (type === 'text' && !closed)
const ruleOf = ({ retention }: Entry) => manifest.retention[retention]

/** Each true for an entry that breaks it. Source: the last column of the table in section 7 of the promises. */
export const RULES: Readonly<Record<string, Rule>> = {
  'uses the words of the closed lists': ({ entry }) =>
    Object.entries(WORDS).some(
      ([field, words]) => !words.split(' ').includes(String(Reflect.get(entry, field))),
    ),
  'has a purpose of the policy': ({ entry: { purpose } }) =>
    purpose.length === 0 || !purpose.every((one) => PURPOSES.has(one)),
  'about somebody says how they are found, along foreign keys or by value': (at) =>
    at.table !== undefined && at.entry.subject !== 'none' && !leadsToSubject(at),
  'about a customer is held on the organization’s instruction only': ({ entry }) =>
    entry.subject === 'contact' && entry.lawfulBasis !== 'processor_instruction',
  'by consent has a switch': ({ entry }) => entry.lawfulBasis === 'consent' && !entry.toggle,
  'by an interest of ours says why it weighs more': ({ entry }) =>
    entry.lawfulBasis === 'legitimate_interest' && isPersonal(entry) && !entry.balance,
  'stays by a rule that has an end': ({ entry }) => {
    const rule = ruleOf(entry)
    return !rule || ('days' in rule ? !(rule.days >= 0) : rule.until.length < 10)
  },
  'found by no link is gone before any deletion would be due': ({ entry }) => {
    const rule = ruleOf(entry)
    return entry.link === 'expires' && !(rule && 'days' in rule && rule.days <= 14)
  },
  'not exported says why': ({ entry: { export: how } }) =>
    typeof how === 'object' && how.exclude.length < 10,
  'that is a secret is sealed and never exported': ({ name, entry }) =>
    isSecret(entry) && name !== 'keys' && (entry.sealed === 'none' || entry.export === 'include'),
  'kept after an erasure says why and until when': ({ entry: { erase } }) =>
    typeof erase === 'object' && (!erase.keep || !erase.until),
  'of a person in a table is not kept after an erasure': ({ table, entry }) =>
    table !== undefined && isPersonal(entry) && typeof entry.erase === 'object',
  'of free text or JSON is about somebody, or says why not': ({ entry }, column) =>
    column !== undefined && isFree(column) && entry.subject === 'none' && !entry.why,
  'of JSON declares its paths, and nothing else does': ({ entry }, column) =>
    column !== undefined && column.type.startsWith('json') !== (entry.paths !== undefined),
  'set to null may be null': ({ entry }, column) =>
    column !== undefined && entry.erase === 'null' && !column.nullable,
  'that is unique is not rewritten to a constant': ({ entry }, column) =>
    column !== undefined && entry.erase === 'pseudonymise' && column.unique,
  'that is sealed can hold what sealing makes': ({ entry: { sealed } }, column) =>
    column !== undefined &&
    ((sealed.startsWith('gcm') && column.type !== 'text') ||
      (sealed === 'hash' && !['bytea', 'text'].includes(column.type))),
}

/** Every entry that breaks a rule, as "name: rule"; nothing is what the product wants. */
export function brokenRules({ tables, stores }: Declared, schema: Schema): string[] {
  const { live, keys } = schema
  const entries: At[] = [
    ...tables.flatMap(({ table, columns }) =>
      Object.entries(columns).map(([column, entry]) => ({
        name: `${table}.${column}`,
        table,
        entry,
        live,
        keys,
      })),
    ),
    ...stores.map((entry) => ({ name: entry.store, entry, live, keys })),
  ]
  return entries.flatMap((at) => {
    const column = schema.live.find((one) => `${one.table}.${one.column}` === at.name)
    return Object.entries(RULES)
      .filter(([, isBroken]) => isBroken(at, column))
      .map(([rule]) => `${at.name}: ${rule}`)
  })
}

/** Follows `column->table` along foreign keys and `column~>table` by value; the end must be the subject's own table. */
function leadsToSubject({ table, entry: { link, subject }, live, keys }: At): boolean {
  if (link === 'expires') return true
  if (link === 'self') return table === HOME[subject]
  const hops = [...(link ?? '').matchAll(/(\w+)(->|~>)(\w+)/g)]
  const end = hops.reduce<string | undefined>((at, [, column = '', kind, to = '']) => {
    const isThere = live.some((c) => c.table === at && c.column === column)
    const isKey = keys.some((k) => k.from === at && k.to === to && k.columns.includes(column))
    return isThere && (kind === '~>' || isKey) ? to : undefined
  }, table)
  return hops.length > 0 && end === HOME[subject]
}
