import { RULES, sayingOf, type Rule } from '../abuse/rules.ts'
import { rows } from '../db.ts'
import { probeSeal, readEncryption, type Attested } from '../privacy/encryption.ts'
import { DAY_MS } from '../privacy/limits.ts'
import { span, type Figure, type Reading } from './figure.ts'
import { inEach, someOrganizations } from './organizations.ts'
import { countUnsealed } from './sealing.ts'

/** A data key should not serve longer. Source: NIST SP 800-57 part 1 allows two years. */
const KEY_DAYS = 365

export const securityFigures: readonly Figure[] = [
  {
    id: 'sealing',
    group: 'security',
    title: 'Sealing with AES-256-GCM works',
    how: 'A probe is sealed and opened, and must not open altered, cut or moved; under the installation’s key and an organization’s',
    freshDays: 1,
    async measure(on) {
      for (const key of on.vault.instance.slice(0, 1)) probeSeal(key)
      const [org] = await someOrganizations(on)
      const keys = org ? await on.db.withTenant(org, (tx) => on.keys.of(tx, org)) : []
      for (const key of keys.slice(0, 1)) probeSeal(key)
      return {
        state: 'ok',
        value: 'yes',
        detail: 'Sealed, opened, and refused when tampered with.',
      }
    },
  },
  {
    id: 'unsealed',
    group: 'security',
    title: 'Secrets that are not sealed',
    how: 'Every value in the columns that must be sealed is looked at; of content the newest 200 in each',
    freshDays: 1,
    everyMinutes: 10,
    async measure(on) {
      const parts = [await countUnsealed(on, undefined)]
      for (const org of await someOrganizations(on)) parts.push(await countUnsealed(on, org))
      const found = parts.reduce((sum, part) => sum + part.found, 0)
      const columns = Math.max(...parts.map((part) => part.columns))
      return {
        state: found === 0 ? 'ok' : 'bad',
        value: String(found),
        detail: `Looked at ${columns} columns.`,
      }
    },
  },
  {
    id: 'key_age',
    group: 'security',
    title: 'Keys are young',
    how: 'The age of the oldest data key that seals; they are changed without downtime',
    freshDays: 1,
    everyMinutes: 10,
    async measure(on) {
      const oldest = await inEach(on, async (tx, org) => {
        const [key] = await rows<{ at: Date | null }>(
          tx,
          `select min(created_at) as at from org_keys where org_id = ? and state = 'active'`,
          [org],
        )
        return key?.at?.getTime() ?? Infinity
      })
      const first = Math.min(...oldest, Infinity)
      if (first === Infinity) return { state: 'none', value: 'no key yet' }
      const age = on.now().getTime() - first
      const isOld = age > KEY_DAYS * DAY_MS
      return {
        state: isOld ? 'warn' : 'ok',
        value: span(age),
        detail: `The oldest; at most ${KEY_DAYS} days.`,
      }
    },
  },
  {
    id: 'abuse_rules',
    group: 'security',
    title: 'Rules against abuse',
    how: 'They count and read nothing, end by themselves within a day, and whoever they hit reads why and can ask for a person',
    freshDays: 1,
    measure: () => {
      const rules = Object.keys(RULES) as Rule[]
      return Promise.resolve({
        state: 'ok',
        value: String(rules.length),
        detail: `At most ${rules.map(sayingOf).join('; ')}.`,
      })
    },
  },
  {
    id: 'transport',
    group: 'security',
    title: 'On the way',
    how: 'How this process reaches the database and the queues, and people reach it; production does not start over a bare wire',
    freshDays: 1,
    async measure(on) {
      const { site, database, queue } = await readEncryption(on)
      const ways = new Set([site, database.transport, queue])
      const cipher = [database.protocol, database.cipher].filter(Boolean).join(', ')
      return {
        state: ways.has('plain') ? 'bad' : 'ok',
        value: ways.has('tls') ? 'TLS' : 'within one machine',
        detail: [
          `People: ${site}. Database: ${database.transport}${cipher ? ` (${cipher})` : ''}.`,
          queue === null ? '' : `Queues: ${queue}.`,
        ].join(' '),
      }
    },
  },
  {
    id: 'disks',
    group: 'security',
    title: 'Disks are encrypted',
    how: 'What the operator states, with the day on which it was looked at: no program can see it',
    freshDays: 1,
    measure: async (on) => diskReading((await readEncryption(on)).disks),
  },
  {
    id: 'files',
    group: 'security',
    title: 'Stored files that are not sealed',
    how: 'The first bytes of each file of media and exports on this machine',
    freshDays: 1,
    everyMinutes: 10,
    async measure(on) {
      const { unsealed } = (await readEncryption(on)).files
      return { state: unsealed === 0 ? 'ok' : 'bad', value: String(unsealed) }
    },
  },
  {
    id: 'isolation',
    group: 'security',
    title: 'Tables that keep organizations apart',
    how: 'The database’s own catalogue: forced row level security with a rule for reading and for writing on each table that has an organization',
    freshDays: 1,
    async measure(on) {
      const [found] = await on.db.withSystem((tx) =>
        rows<{ all: number; guarded: number }>(tx, GUARDED),
      )
      const { all = 0, guarded = 0 } = found ?? {}
      return { state: all > 0 && guarded === all ? 'ok' : 'bad', value: `${guarded} of ${all}` }
    },
  },
]

const diskReading = (disks: Attested): Reading =>
  disks.state === 'missing'
    ? { state: 'warn', value: 'not stated', detail: 'STORAGE_ATTESTATION is not set.' }
    : {
        state: disks.state === 'stale' ? 'warn' : 'ok',
        value: disks.method,
        detail: `${disks.provider}, looked at on ${disks.on}.`,
      }

const GUARDED = `
  select count(*)::int as "all", count(*) filter (where c.relrowsecurity and c.relforcerowsecurity and exists (
           select from pg_catalog.pg_policy p where p.polrelid = c.oid and p.polqual is not null and p.polwithcheck is not null))::int as guarded
    from pg_catalog.pg_class c join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id'
   where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p')`
