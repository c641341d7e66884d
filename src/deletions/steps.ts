import { announce } from '../connections/connections.ts'
import { fenceContact } from '../contacts/erasing.ts'
import { rows } from '../db.ts'
import { appendFeed } from '../feed/feed.ts'
import { removeOfContact, removeOfOrganization } from '../media/removal.ts'
import { withdrawExports } from '../privacy/export-shelf.ts'
import { manifest } from '../privacy/manifest.ts'
import type { Resources } from '../resources.ts'
import { openSandbox } from '../sandbox/sandbox.ts'
import type { Deletion, Handles, Kind } from './deletion.ts'
import { eraseRows, forgetAudit, forgetColleague, type Beat } from './erase.ts'
import { GRANT_STEPS } from './grant-steps.ts'
import { readSubject } from './handles.ts'
import { writeLedgerFile } from './ledger-file.ts'
import { planErasure, type Subject } from './plan.ts'
import { releaseNumbers } from './release.ts'
import { hideHeld, stripHeld } from './retained.ts'
import type { Finding } from './search.ts'
import { freshStatistics } from './statistics.ts'
import { forgetPeople, suppress } from './suppressions.ts'
import { findLeft } from './verify.ts'

/** What a step works on. `beat` is called before each batch and ends the run when the lease is lost. */
export type Run = {
  on: Resources
  deletion: Deletion
  handles: Handles
  beat: Beat
  /** Kept with the row, sealed, for the steps after it. */
  keep(handles: Handles): Promise<void>
}
export type Counts = Record<string, number>
/** What a step leaves behind for the certificate: counts, and words of ours. */
export type Outcome = { counts: Counts; notes?: string[] }
export type Step = { name: string; run(run: Run): Promise<Outcome> }

/** Something of the subject is left: the deletion stays where it is and is tried again, and the alarm tells. */
export class NotClean extends Error {
  readonly findings: Finding[]
  constructor(findings: Finding[]) {
    super(`left: ${findings.map(({ place }) => place).join(', ')}`)
    this.findings = findings
  }
}

const nothing: Outcome = { counts: {} }

const handles: Step = {
  name: 'handles',
  async run({ on, deletion, handles: known, keep }) {
    const { values, members } = await readSubject(on, deletion)
    // Run again after rows went, it must not forget what it knew.
    await keep({
      code: known.code,
      values: [...new Set([...known.values, ...values])],
      members: [...new Set([...known.members, ...members])],
    })
    return nothing
  },
}

/** First of all: what arrives from now on about the past is dropped. */
const suppression: Step = {
  name: 'suppress',
  async run({ on, deletion }) {
    const { identities } = await readSubject(on, deletion)
    const org = deletion.org_id ?? ''
    const at = deletion.first ? new Date(deletion.first.purged_at) : on.now()
    await on.db.withSystem((tx) => suppress(tx, on, { org, identities, at }))
    await writeLedgerFile(on)
    return { counts: { suppressions: identities.length } }
  },
}

/** No way back from here: the database takes no new row of the organization, and nobody is signed in to it. */
const fence: Step = {
  name: 'fence',
  async run({ on, deletion: { subject_id: org }, handles: { members } }) {
    await on.db.withTenant(org, async (tx) => {
      await rows(tx, 'delete from api_keys where org_id = ?', [org])
      await rows(
        tx,
        `update connections set state = 'removed' where org_id = ?
            and exists (select from organizations o where o.org_id = connections.org_id and o.status <> 'purging')`,
        [org],
      )
      await rows(tx, 'delete from memberships where org_id = ?', [org])
      await rows(
        tx,
        `update organizations set status = 'purging' where org_id = ? and status <> 'purging'`,
        [org],
      )
    })
    await on.db.withSystem((tx) =>
      rows(tx, `delete from user_sessions where sess ->> 'org' = ?`, [org]),
    )
    for (const user of members) on.events.publish({ kind: 'sessions', user })
    await announce(on)
    return nothing
  },
}

/** From here on nothing is sent to the person, and nothing that comes is stored under them. Source: promise P49. */
const fenceOfContact: Step = {
  name: 'fence',
  async run({ on, deletion: { org_id, subject_id: id } }) {
    const org = org_id ?? ''
    const identities = await on.db.withTenant(org, (tx) => fenceContact(tx, org, id, on.now()))
    return { counts: { contact_identities: identities } }
  },
}

const release: Step = {
  name: 'meta_release',
  run: (run) => releaseNumbers(run),
}

const queues: Step = {
  name: 'queues',
  run: async ({ on, deletion: { subject_id: org } }) => ({ counts: await on.queues.forget(org) }),
}

const files: Step = {
  name: 'files',
  async run({ on, deletion }) {
    const { kind, subject_id: id, org_id } = deletion
    const of =
      kind === 'user'
        ? { user: id }
        : kind === 'contact'
          ? { org: org_id ?? '', contact: id }
          : { org: id }
    const exports = await withdrawExports(on, of)
    if (kind === 'org') await removeOfOrganization(on, id)
    if (kind === 'org' && on.config.SANDBOX) openSandbox(on).forget(id)
    return { counts: { exports } }
  },
}

const rowsStep: Step = {
  name: 'rows',
  async run({ on, deletion, beat }) {
    const counts: Counts = {}
    if (deletion.kind === 'org') {
      await forgetAudit(on, deletion.subject_id)
      await on.db.withSystem((tx) => forgetPeople(tx, deletion.subject_id))
    }
    const subject = await subjectOf(on, deletion)
    // Files go before the rows that say where they lie.
    const media =
      subject.kind === 'contact' ? await removeOfContact(on, subject.org, subject.id) : 0
    if (media > 0) counts['media'] = media
    await hideHeld(on, deletion)
    const labels = new Set<string>()
    if (subject.kind === 'user')
      for (const org of await allOrganizations(on))
        Object.assign(counts, await forgetColleague(on, { org, user: subject.id, labels }, beat))
    for (const doomed of await planErasure(on, subject)) {
      const removed = await eraseRows(on, doomed, beat)
      if (removed > 0) counts[doomed.table] = (counts[doomed.table] ?? 0) + removed
    }
    await stripHeld(on, deletion)
    return { counts }
  },
}

/** Whoever belonged to nothing but this organization has no account any more. */
const people: Step = {
  name: 'people',
  async run({ on, handles: { members }, beat }) {
    let users = 0
    for (const user of members) {
      await beat('users')
      users += await on.db.withSystem(async (tx) => {
        const left = await rows(tx, 'select 1 from user_orgs(?) limit 1', [user])
        if (left.length > 0) return 0
        return (await rows(tx, 'delete from users where id = ? returning id', [user])).length
      })
    }
    return { counts: { users } }
  },
}

/** The data keys went with the rows, but those that open what an order keeps. Whoever still holds one in memory lets go of it. Source: promise P28. */
const keys: Step = {
  name: 'keys',
  run({ on, deletion: { subject_id: org } }) {
    on.keys.forget(org)
    on.events.publish({ kind: 'keys', org })
    return Promise.resolve(nothing)
  },
}

/** Statistics hold sample values, and dead rows their bytes. Rows also go along foreign keys, so counts do not tell which. */
const derived: Step = {
  name: 'derived',
  async run({ on, deletion }) {
    const isWhole = deletion.kind === 'org'
    const touched = isWhole ? manifest.tables : await planErasure(on, await subjectOf(on, deletion))
    const tables = touched.map(({ table }) => table)
    return { counts: await freshStatistics(on, tables, { isWhole }) }
  },
}

/** Nothing may be left: no row, no job, and none of the values that were kept aside to be looked for. */
const verify: Step = {
  name: 'verify',
  async run({ on, deletion, handles: { values } }) {
    const { findings, unsearched } = await findLeft(on, deletion, values)
    if (findings.length > 0) throw new NotClean(findings)
    const notes = unsearched.map((place) => `not searched: ${place}`)
    return { counts: { values: values.length }, ...(notes.length > 0 ? { notes } : {}) }
  },
}

/** Programs that follow the feed learn of it by id; their copies are theirs to erase (GDPR 19). */
const told: Step = {
  name: 'told',
  async run({ on, deletion: { org_id, subject_id: ref } }) {
    const org = org_id ?? ''
    const [open] = await on.db.withSystem((tx) =>
      rows(tx, `select 1 from organizations where org_id = ? and status <> 'purging'`, [org]),
    )
    // The organization itself is going: nobody follows its feed any more.
    if (!open) return nothing
    await on.db.withTenant(org, (tx) => appendFeed(tx, org, [{ kind: 'contact.erased', ref }]))
    on.events.publish({ kind: 'feed', org })
    return nothing
  },
}

/** In this order, because each needs what a later one destroys. Source: promises P38 to P45, section 5. */
export const STEPS: Readonly<Record<Kind, readonly Step[]>> = {
  org: [
    handles,
    suppression,
    fence,
    release,
    queues,
    files,
    rowsStep,
    people,
    keys,
    derived,
    verify,
  ],
  // Files after rows: an export that was begun before the rows went may hold them, and goes, too.
  contact: [handles, suppression, fenceOfContact, rowsStep, files, told, derived, verify],
  user: [handles, files, rowsStep, derived, verify],
  meta_user: GRANT_STEPS,
}

export async function subjectOf(on: Resources, deletion: Deletion): Promise<Subject> {
  const { kind, subject_id: id, org_id } = deletion
  if (kind === 'org') return { kind, org: id }
  if (kind === 'contact') return { kind, org: org_id ?? '', id }
  const found = await on.db.withSystem((tx) =>
    rows<{ org_id: string }>(tx, 'select org_id from user_orgs(?)', [id]),
  )
  return { kind: 'user', id, orgs: found.map((row) => row.org_id) }
}

async function allOrganizations(on: Resources): Promise<string[]> {
  const found = await on.db.withSystem((tx) =>
    rows<{ org_id: string }>(
      tx,
      `select org_id from organizations where status <> 'purging' order by org_id`,
    ),
  )
  return found.map(({ org_id }) => org_id)
}
