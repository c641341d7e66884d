import { sweepRetention } from '../privacy/retention.ts'
import { previewSweep } from '../privacy/sweep-preview.ts'
import { Alarm, command, type Command } from './command.ts'
import { checkMoment, instant } from './moment.ts'

export const retentionCommands: Record<string, Command> = {
  'retention sweep': command({
    usage: '[--now ISO] [--dry-run]',
    options: { now: instant.optional() },
    flags: ['dry-run'],
    async run(at, given) {
      const on = await at.open()
      const now = given.now ?? on.now()
      if (given.flags.includes('dry-run')) return previewSweep(on, now)
      checkMoment(on, now)
      const swept = await sweepRetention(on, now)
      if (swept.overdue.length > 0) throw new Alarm(swept, 3)
      return swept
    },
  }),
}
