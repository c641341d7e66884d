import { aboutNobody, key, table, type Entry } from './vocabulary.ts'

const proof: Entry = {
  ...aboutNobody('certificate'),
  purpose: ['protect'],
  lawfulBasis: 'legal_obligation',
  erase: { keep: 'the proof that a deletion was done', until: 'three years after it' },
}
const digests: Entry = {
  ...aboutNobody('suppression'),
  purpose: ['protect'],
  lawfulBasis: 'legal_obligation',
  erase: { keep: 'what was erased must not come back', until: 'backups and redeliveries are over' },
}
const RANDOM = 'a random id of somebody or something that is gone'

/** What was deleted, proof of it, and what keeps it from coming back. */
export const deletions = [
  table(
    'deletions',
    proof,
    {
      id: key,
      org_id: { ...key, why: RANDOM },
      kind: key,
      subject_id: { ...key, why: RANDOM },
      code_digest: { ...key, sealed: 'hash' },
      road: key,
      state: key,
      reason: { ...key, why: 'one of three words of ours' },
      requested_at: key,
      confirmed_at: key,
      grace_until: key,
      deadline_at: key,
      purged_at: key,
      backups_clear_at: key,
      steps: {
        ...key,
        paths: ['*.done', '*.counts.*', '*.notes'],
        why: 'names of steps and tables, and numbers',
      },
      handles: {
        ...key,
        sealed: 'gcm_instance',
        erase: { keep: 'what must be looked for afterwards', until: 'the deletion is done' },
        why: 'identifiers while the deletion runs; emptied by its last step',
      },
      certificate: { ...key, paths: ['key', 'certificate.**'], why: 'counts, times and digests' },
      signature: { ...key, why: 'a signature' },
      first: {
        ...key,
        paths: ['*'],
        why: 'the certificate of before, where a restore deleted again',
      },
      retained_at: key,
      retained: {
        ...key,
        paths: ['since', 'counts.*'],
        why: 'how many rows of which tables the law made us keep, and since when',
      },
      fence: key,
      lease_until: key,
      confirm_digest: { ...key, sealed: 'hash' },
      confirm_until: key,
      reminders: key,
    },
    [
      {
        rule: 'certificate',
        due: `deadline_at < cast(:now as timestamptz) - make_interval(days => :days) and state in ('purged', 'cancelled')`,
      },
    ],
  ),
  table(
    'deletion_events',
    { ...proof, retention: 'certificate_steps' },
    {
      id: key,
      deletion_id: key,
      at: key,
      state: { ...key, why: 'one of six words of ours' },
      actor_kind: key,
    },
  ),
  table(
    'suppressions',
    digests,
    {
      org_id: key,
      kind: key,
      digest: { ...key, sealed: 'hmac' },
      erased_at: key,
      expires_at: key,
    },
    [{ rule: 'suppression', due: 'expires_at < :now' }],
  ),
  table(
    'alarms',
    aboutNobody('alarm'),
    {
      id: key,
      kind: { ...key, why: 'one word of ours' },
      ref: { ...key, why: 'the random id of what needs attention' },
      stage: { ...key, why: 'one word of ours' },
      raised_at: key,
      cleared_at: key,
    },
    [
      {
        rule: 'alarm',
        due: 'raised_at < cast(:now as timestamptz) - make_interval(days => :days)',
      },
    ],
  ),
]
