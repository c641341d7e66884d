import { z } from 'zod'
import { OPERATOR } from '../audit/audit.ts'
import { newMasterKey } from '../embedded/keys.ts'
import { previewDataKeys, rotateDataKey, rotateDataKeys } from '../ops/data-key.ts'
import { keyStatus } from '../ops/key-status.ts'
import { previewMasterKey, rotateMasterKey } from '../ops/master-key.ts'
import type { Resources } from '../resources.ts'
import { Alarm, command, UsageError, type Command } from './command.ts'
import { checkMoment, instant } from './moment.ts'

export const keyCommands: Record<string, Command> = {
  'keys generate': command({
    usage: '',
    run: () => Promise.resolve({ master_key: newMasterKey() }),
  }),
  'keys rotate': command({
    usage: '[--master | --data [--org ID] [--now ISO]] [--dry-run]',
    flags: ['master', 'data', 'dry-run'],
    options: { org: z.uuid().optional(), now: instant.optional() },
    async run(at, { flags, org, now }) {
      const isData = flags.includes('data') || org !== undefined
      const isDry = flags.includes('dry-run')
      if (isData && flags.includes('master')) throw new UsageError('--master or --data, not both')
      const on = await at.open()
      if (!isData) return isDry ? previewMasterKey(on) : changeMaster(on)
      if (isDry) return previewDataKeys(on, org)
      const how = { by: OPERATOR, now: checkMoment(on, now) }
      return org ? rotateDataKey(on, org, how) : rotateDataKeys(on, how)
    },
  }),
  'keys status': command({
    usage: '',
    run: async (at) => keyStatus(await at.open()),
  }),
}

async function changeMaster(on: Resources): Promise<object> {
  const report = await rotateMasterKey(on, OPERATOR)
  const { queues: _queues, files: _files, ...stuck } = report.left
  if (Object.values(stuck).some((n) => n > 0)) throw new Alarm(report)
  return report
}
