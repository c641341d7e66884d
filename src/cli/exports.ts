import { z } from 'zod'
import { exportToFile, organizationOfContact } from '../privacy/export-file.ts'
import type { ExportSubject } from '../privacy/export-plan.ts'
import { importExport } from '../privacy/import.ts'
import type { Resources } from '../resources.ts'
import { command, UsageError, type Command } from './command.ts'

const id = z.uuid().optional()

type Wanted = {
  org?: string | undefined
  user?: string | undefined
  contact?: string | undefined
}

export const exportCommands: Record<string, Command> = {
  'export run': command({
    usage: '--org ID | --user ID | --contact ID [--org ID]   --out FILE.zip',
    options: { org: id, user: id, contact: id, out: z.string().min(1) },
    async run(at, given) {
      const isOne = [given.org ?? given.contact, given.user].filter(Boolean).length === 1
      if (!isOne) throw new UsageError('expected one of --org, --user, --contact')
      const on = await at.open()
      return exportToFile(on, await subjectOf(on, given), given.out)
    },
  }),
  import: command({
    usage: 'FILE --org ID',
    words: ['FILE'],
    options: { org: z.uuid() },
    run: async (at, { org, words }) => importExport(await at.open(), org, words[0] ?? ''),
  }),
}

async function subjectOf(on: Resources, { org, user, contact }: Wanted): Promise<ExportSubject> {
  if (user !== undefined) return { kind: 'user', id: user }
  if (contact !== undefined)
    return { kind: 'contact', org: org ?? (await organizationOfContact(on, contact)), id: contact }
  return { kind: 'org', org: org ?? '' }
}
