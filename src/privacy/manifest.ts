import { createHash } from 'node:crypto'
import { accounts } from './manifest/accounts.ts'
import { audit } from './manifest/audit.ts'
import { backedUp, backupStores } from './manifest/backups.ts'
import { communication } from './manifest/communication.ts'
import { connections } from './manifest/connections.ts'
import { contacts } from './manifest/contacts.ts'
import { deletions } from './manifest/deletions.ts'
import { exported, exportStores } from './manifest/exports.ts'
import { media, mediaStores } from './manifest/media.ts'
import { messages } from './manifest/messages.ts'
import { notices, templateStores } from './manifest/notices.ts'
import { operations } from './manifest/operations.ts'
import { programs } from './manifest/programs.ts'
import { restrictions } from './manifest/restrictions.ts'
import { restore } from './manifest/restore.ts'
import { retention } from './manifest/retention.ts'
import { rights } from './manifest/rights.ts'
import { security } from './manifest/security.ts'
import { stores as otherStores } from './manifest/stores.ts'
import { stub } from './manifest/stub.ts'
import { usage } from './manifest/usage.ts'
import type { Store, Table } from './manifest/vocabulary.ts'

const tables: readonly Table[] = [
  ...accounts,
  ...connections,
  ...contacts,
  ...restrictions,
  ...messages,
  ...media,
  ...notices,
  ...programs,
  ...operations,
  ...audit,
  ...usage,
  ...exported,
  ...deletions,
  ...backedUp,
  ...security,
  ...rights,
  ...communication,
]

const stores: readonly Store[] = [
  ...otherStores,
  ...mediaStores,
  ...exportStores,
  ...templateStores,
  ...backupStores,
]

/**
 * Every column and every other place that can hold somebody's data, with the reason it is there, how long it
 * stays, and what an export and an erasure do with it. The only such list: `test/privacy.test.ts` compares it
 * with the migrated schema, and a column too many or too few fails.
 */
export const manifest = { retention, tables, stores, restore, stub } as const

/** Names this version of the manifest in exports, certificates and evidence. */
export const manifestHash = (): string =>
  createHash('sha256').update(canonical(manifest)).digest('hex')

/** JSON with sorted keys: the same content has the same bytes. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
