import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { OPERATOR } from '../audit/audit.ts'
import { advanceDue } from '../deletions/advance.ts'
import { listOverdue } from '../deletions/alarms.ts'
import { isCertified, publishedKeys, Signed } from '../deletions/certificate.ts'
import { findDeletion } from '../deletions/deletion.ts'
import { cancelDeletion, rejectDeletion } from '../deletions/cancel.ts'
import { requestDeletion, type Wish } from '../deletions/request.ts'
import { statusOf } from '../deletions/status.ts'
import { deleteListed, type Listed } from '../meta/id-list.ts'
import { organizationOfContact } from '../privacy/export-file.ts'
import { notFound, Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { openVault } from '../vault.ts'
import { Alarm, command, UsageError, type Command } from './command.ts'

const id = z.uuid().optional()
type Given = { org?: string | undefined; contact?: string | undefined; user?: string | undefined }

/** Asked on the command line counts as confirmed: whoever may run it holds the keys of the installation. */
export const deletionCommands: Record<string, Command> = {
  'deletion request': command({
    usage: '--org ID | --contact ID [--org ID] | --user ID   [--received ISO]',
    options: {
      org: id,
      contact: id,
      user: id,
      received: z.iso.datetime({ offset: true }).optional(),
    },
    async run(at, given) {
      const on = await at.open()
      const received = whenReceived(on, given.received)
      const wish = await wishOf(on, given)
      const asked = await requestDeletion(on, { ...wish, received })
      // Nobody else may be running; where a worker is, one of the two does it.
      if (wish.kind !== 'org') await advanceDue(on, { now: on.now() })
      const { state } = (await findDeletion(on, asked.code)) ?? asked
      return { code: asked.code, state, deadline: asked.deadline }
    },
  }),
  'deletion status': command({
    usage: '--code C',
    options: { code: z.string().min(1) },
    async run(at, { code }) {
      const on = await at.open()
      const found = await findDeletion(on, code)
      if (!found) throw notFound('deletion')
      const status = statusOf(found)
      const overdue = await listOverdue(on, on.now())
      if (overdue.some(({ id: one }) => one === found.id))
        throw new Alarm({ ...status, overdue: true }, 3)
      return status
    },
  }),
  'deletion cancel': command({
    usage: '--org ID',
    options: { org: z.uuid() },
    async run(at, { org }) {
      await cancelDeletion(await at.open(), { subject: org, by: OPERATOR })
      return { state: 'cancelled' }
    },
  }),
  'deletion confirm': command({
    usage: '--code C   (who asked was identified)',
    options: { code: z.string().min(1) },
    async run(at, { code }) {
      const on = await at.open()
      const found = await findDeletion(on, code)
      if (found?.state !== 'requested') throw notFound('deletion')
      const { kind, subject_id: subject, org_id: org, road } = found
      const wish = { kind, subject, road, by: OPERATOR, ...(org ? { org } : {}) }
      const { state, deadline } = await requestDeletion(on, wish)
      return { code, state, deadline }
    },
  }),
  'deletion reject': command({
    usage: '--code C --reason TEXT',
    options: { code: z.string().min(1), reason: z.string().min(10).max(2_000) },
    async run(at, { code, reason }) {
      await rejectDeletion(await at.open(), { code, reason, by: OPERATOR })
      return { state: 'cancelled' }
    },
  }),
  'deletion import-meta-ids': command({
    usage: '--file FILE [--app ID] [--received ISO]   (an app-scoped id a line)',
    options: {
      file: z.string().min(1),
      app: z
        .string()
        .regex(/^\d{1,32}$/)
        .optional(),
      received: z.iso.datetime({ offset: true }).optional(),
    },
    async run(at, { file, app, received }) {
      const text = await readText(file)
      const on = await at.open()
      const listed = await deleteListed(on, { text, app, received: whenReceived(on, received) })
      await advanceDue(on, { now: on.now() })
      return { imported: listed.length, deletions: await Promise.all(listed.map(withState(on))) }
    },
  }),
  'deletion verify': command({
    usage: 'FILE [--keys FILE]',
    words: ['FILE'],
    options: { keys: z.string().min(1).optional() },
    async run(at, { words, keys }) {
      const signed = Signed.safeParse(await readJson(words[0] ?? ''))
      const trusted = keys === undefined ? await ownKeys(at) : Keys.parse(await readJson(keys)).keys
      const valid = signed.success && isCertified(signed.data, trusted)
      if (!valid) throw new Alarm({ valid })
      return { valid }
    },
  }),
}

/** As `/.well-known/chatflow-deletion-keys.json` publishes them. */
const Keys = z.object({ keys: z.array(z.string()) })

async function ownKeys(at: {
  join(): Promise<{ config: { masterKeys: Parameters<typeof openVault>[0] } }>
}): Promise<string[]> {
  const { config } = await at.join()
  return publishedKeys(openVault(config.masterKeys))
}

/** When a request reached us by whatever road; now unless told. */
function whenReceived(on: Resources, given: string | undefined): Date {
  const received = given === undefined ? on.now() : new Date(given)
  if (received > on.now())
    throw new Refusal(422, 'future', 'A request cannot have been received in the future.')
  return received
}

const withState =
  (on: Resources) =>
  async (one: Listed): Promise<object> => {
    const found = await findDeletion(on, one.code)
    return { ...one, state: found?.state, deadline: found?.deadline_at }
  }

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch {
    throw new Refusal(422, 'unreadable', `${file} cannot be read.`)
  }
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readText(file))
  } catch {
    throw new Refusal(422, 'unreadable', `${file} is no JSON file that can be read.`)
  }
}

async function wishOf(on: Resources, { org, contact, user }: Given): Promise<Wish> {
  const by = { by: OPERATOR, road: 'cli' as const }
  if (contact !== undefined && user === undefined)
    return {
      ...by,
      kind: 'contact',
      org: org ?? (await organizationOfContact(on, contact)),
      subject: contact,
    }
  if (user !== undefined && org === undefined && contact === undefined)
    return { ...by, kind: 'user', subject: user }
  if (org !== undefined && user === undefined) return { ...by, kind: 'org', org, subject: org }
  throw new UsageError('expected one of --org, --contact, --user')
}
