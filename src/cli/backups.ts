import { destination } from 'pino'
import { z } from 'zod'
import { replayLedger } from '../backups/again.ts'
import { makeBackup } from '../backups/backup.ts'
import { restoreBackup } from '../backups/restore.ts'
import { listBackups, noteGone } from '../backups/shelf.ts'
import type { Config } from '../config.ts'
import { RESTORE_DOORS } from '../db.ts'
import { isId } from '../ids.ts'
import { openLog, type Log } from '../log.ts'
import { openResources } from '../resources.ts'
import { command, UsageError, type Command } from './command.ts'

export const backupCommands: Record<string, Command> = {
  backup: command({
    usage: '--out FILE',
    options: { out: z.string().min(1) },
    run: async (at, { out }) => makeBackup(await at.open(), out),
  }),
  'backup list': command({
    usage: '',
    async run(at) {
      const backups = await listBackups(await at.open())
      const shown = backups.map(({ id, file, made_at, expires_at, bytes, sha256, removed_at }) => {
        const hash = sha256?.toString('hex') ?? null
        return { id, file, made_at, expires_at, bytes, sha256: hash, removed_at }
      })
      return { backups: shown }
    },
  }),
  'backup gone': command({
    usage: 'ID   (it was removed by hand)',
    words: ['ID'],
    async run(at, { words }) {
      const [id] = words
      if (!isId(id)) throw new UsageError('ID is not one of a backup')
      await noteGone(await at.open(), id)
      return { id, gone: true }
    },
  }),
  'ledger replay': command({
    usage: '[--ledger FILE]   (the database was set back by other means)',
    options: { ledger: z.string().min(1).optional() },
    async run(at, { ledger }) {
      const { config } = await at.join()
      const on = await openResources(config, { log: toStderr(config), doors: RESTORE_DOORS })
      return replayLedger(on, ledger).finally(() => on.close())
    },
  }),
  restore: command({
    usage: 'FILE [--ledger FILE]',
    words: ['FILE'],
    options: { ledger: z.string().min(1).optional() },
    async run(at, { words, ledger }) {
      const { config } = await at.join()
      return restoreBackup({ config, log: toStderr(config) }, { file: words[0] ?? '', ledger })
    },
  }),
}

const toStderr = ({ LOG_LEVEL }: Config): Log =>
  openLog(LOG_LEVEL, destination({ fd: 2, sync: true }))
