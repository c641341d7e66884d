import type { Deletion } from './deletion.ts'
import { STEPS } from './steps.ts'

/** What whoever holds the code may know: how far it is, and what was removed; nobody is named. */
export type Status = {
  state: Deletion['state']
  kind: Deletion['kind']
  reason: Deletion['reason']
  requested_at: Date
  grace_until: Date | null
  deadline: Date
  /** What is kept because the law requires it, while it is; the deletion goes on when that ends. */
  retained: { since: string; counts: Record<string, number> } | null
  purged_at: Date | null
  backups_clear_at: Date | null
  steps: Record<string, { done: boolean; counts: Record<string, number> }>
  certificate?: object
  signature?: string
  key?: string
}

type Kept = { certificate: object; key: string }

export function statusOf(deletion: Deletion): Status {
  const { state, kind, reason, requested_at, grace_until, purged_at, backups_clear_at } = deletion
  const { certificate, key } = (deletion.certificate ?? {}) as Partial<Kept>
  return {
    state,
    kind,
    reason,
    requested_at,
    grace_until,
    deadline: deletion.deadline_at,
    retained: deletion.retained_at ? deletion.retained : null,
    purged_at,
    backups_clear_at,
    steps: deletion.steps,
    ...(certificate && key && deletion.signature
      ? { certificate, signature: deletion.signature, key }
      : {}),
  }
}

const WORDS: Record<string, string> = {
  handles: 'Note what must be looked for afterwards',
  suppress: 'Keep away what arrives late',
  fence: 'Let nothing new in',
  meta_release: 'Tell Meta to delete what was uploaded and to send nothing any more',
  grant: 'Destroy the access that was granted',
  queues: 'Clear waiting and finished jobs',
  files: 'Delete files and exports',
  rows: 'Delete the records',
  people: 'Delete accounts that belong to nothing else',
  keys: 'Forget the encryption keys',
  told: 'Tell connected programs',
  derived: 'Renew what is computed from records',
  verify: 'Look for anything that is left',
}

const SAID: readonly (readonly [word: RegExp, says: string])[] = [
  [/^media done (\d+)$/, 'files we had uploaded that Meta deleted: $1'],
  [/^media already_gone (\d+)$/, 'files we had uploaded that Meta gives us no more: $1'],
  [
    /^media .* (\d+)$/,
    'files we had uploaded that Meta did not confirm to delete, and keeps for 30 days at most: $1',
  ],
  [/^subscribed_apps done$/, 'Meta ended the webhooks of an account'],
  [/^subscribed_apps already_gone$/, 'Meta sent nothing any more already'],
  [
    /^subscribed_apps unconfirmed.*/,
    'Meta did not confirm that it ended the webhooks of an account',
  ],
  [/^our_app absent.*/, 'asked again, Meta no longer names our app there'],
  [/^our_app.*/, 'whether our app is still named there was not answered'],
  [/^permissions (done|already_gone)$/, 'what was granted to our app is taken back'],
  [/^permissions shared$/, 'the grant stays, because another connection hangs on it'],
  [/^permissions.*/, 'Meta did not confirm that the grant is taken back'],
]

/** What is noted with a step, for people; the certificate has the exact words. */
function sayNote(note: string): string {
  const [word = note, says = note] = SAID.find(([known]) => known.test(note)) ?? []
  return note.replace(word, says)
}

/** The steps in their order, with what each removed and what is noted of it. */
export const progressOf = (
  deletion: Deletion,
): { name: string; done: boolean; removed: number; notes: string[] }[] =>
  STEPS[deletion.kind].map(({ name }) => {
    const note = deletion.steps[name]
    const removed = name === 'rows' || name === 'people' ? Object.values(note?.counts ?? {}) : []
    return {
      name: WORDS[name] ?? name,
      done: note?.done ?? false,
      removed: removed.reduce((sum, n) => sum + n, 0),
      notes: (note?.notes ?? []).map(sayNote),
    }
  })
