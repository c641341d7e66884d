import { aboutContact, aboutNobody, key, table, type Store } from './vocabulary.ts'

/** Copies with an end, and what a restore has to know beyond its backup. */
export const backedUp = [
  table(
    'backups',
    aboutNobody('backup_record'),
    {
      id: key,
      kind: { ...key, why: 'one word of ours' },
      file: { ...key, why: 'a path on the machine of the operator' },
      made_at: key,
      expires_at: key,
      bytes: key,
      sha256: { ...key, sealed: 'hash' },
      removed_at: key,
    },
    [
      {
        rule: 'backup_record',
        due: 'removed_at < cast(:now as timestamptz) - make_interval(days => :days)',
      },
    ],
  ),
  table(
    'restores',
    aboutNobody('certificate'),
    {
      id: key,
      backup_id: key,
      made_at: key,
      begun_at: key,
      opened_at: key,
      replayed: key,
    },
    [
      {
        rule: 'certificate',
        due: 'begun_at < cast(:now as timestamptz) - make_interval(days => :days)',
      },
    ],
  ),
  table(
    'deletion_ledger',
    {
      ...aboutNobody('suppression'),
      purpose: ['protect'],
      lawfulBasis: 'legal_obligation',
      erase: { keep: 'what a restore must delete again', until: 'no backup is older' },
    },
    {
      n: key,
      at: key,
      line: { ...key, why: 'random ids, times, keyed digests and words of ours, signed' },
    },
    [
      {
        rule: 'suppression',
        // The last one stays, however old: the next one is chained to it.
        due: `at < cast(:now as timestamptz) - make_interval(days => :days)
              and n < (select max(l.n) from app.deletion_ledger l)`,
      },
    ],
  ),
  table(
    'canary_runs',
    aboutNobody('certificate'),
    {
      id: key,
      at: key,
      ended_at: key,
      planted: key,
      outcome: { ...key, why: 'one of three words of ours' },
      findings: {
        ...key,
        paths: ['place', 'what', 'age_s'],
        why: 'names of places, never a value',
      },
      unsearched: { ...key, paths: [], why: 'names of places' },
    },
    [
      {
        rule: 'certificate',
        due: 'at < cast(:now as timestamptz) - make_interval(days => :days)',
      },
    ],
  ),
]

export const backupStores: readonly Store[] = [
  {
    ...aboutContact('expires', 'backup'),
    store: 'backups',
    kind: 'files',
    matches: 'where `chatflow backup --out FILE` wrote them; listed in the table backups',
    files: ['data:*.backup', 'data:backups/**'],
    category: 'content',
    export: { exclude: 'a copy of the tables above' },
    erase: { keep: 'a copy has one end for all', until: 'BACKUP_RETENTION_DAYS are over' },
    sealed: 'gcm_instance',
    why: 'sealed under the master key; a restore deletes again whatever was deleted since',
  },
  {
    ...aboutNobody('suppression'),
    store: 'deletion ledger',
    kind: 'files',
    matches: 'DATA_DIR/deletions.ledger',
    files: ['data:deletions.ledger', 'data:deletions.ledger.*'],
    purpose: ['protect'],
    lawfulBasis: 'legal_obligation',
    why: 'random ids, times, keyed digests and words of ours; a database that is set back does not set it back',
  },
]
