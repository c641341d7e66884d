import { aboutOrganization, aboutUser, colleague, key, table, type Store } from './vocabulary.ts'

/** What was exported for whom, and for how long it may be fetched. */
export const exported = [
  table(
    'exports',
    aboutOrganization('export'),
    {
      id: key,
      org_id: key,
      kind: key,
      subject_id: { ...key, why: 'the organization, the contact or the person it is of' },
      requested_by: colleague('requested_by'),
      state: key,
      location: key,
      sha256: key,
      records: { ...key, paths: ['*'] },
      done: key,
      total: key,
      attempts: key,
      lease_until: key,
      downloads: key,
      created_at: key,
      expires_at: key,
    },
    [
      {
        rule: 'export',
        due: 'expires_at < cast(:now as timestamptz) - make_interval(days => :days)',
      },
    ],
  ),
]

const ALREADY = { exclude: 'a copy of what its tables already export' }

/** Where exports lie outside the tables, and what rings for them. */
export const exportStores: readonly Store[] = [
  {
    ...aboutOrganization('export_file'),
    store: 'exports',
    kind: 'files',
    matches:
      'DATA_DIR/exports/<organization>/<export>.sealed, .part while it is made, exports/people/ for those of people',
    files: ['data:exports/*/*.sealed', 'data:exports/*/*.part', 'data:exports/*.sealed'],
    category: 'content',
    export: ALREADY,
    erase: 'shred',
    sealed: 'gcm_org',
    why: 'found by the row of the export; of a person with an account under the installation key; gone with their row',
  },
  {
    ...aboutUser('self', 'request'),
    store: 'export spools',
    kind: 'files',
    matches: 'files without a name in DATA_DIR/exports, or beside the file a command writes',
    files: ['data:exports/*.spool'],
    category: 'content',
    export: ALREADY,
    why: 'one table at a time, under a key that only the running process knows; freed with the process',
  },
  {
    ...aboutOrganization('job'),
    store: 'queue export',
    kind: 'queue',
    matches: 'BullMQ queue "export": chatflow:export:* in Redis, schema jobs in PostgreSQL',
    export: ALREADY,
    why: 'the id of a row of exports',
  },
]
