import { z } from 'zod'
import { sweepRetention } from '../privacy/retention.ts'
import { previewSweep } from '../privacy/sweep-preview.ts'
import { Refusal } from '../refusal.ts'
import { Alarm, command, type Command } from './command.ts'

const instant = z.iso
  .datetime({ offset: true })
  .or(z.iso.date())
  .transform((text) => new Date(text))

export const retentionCommands: Record<string, Command> = {
  'retention sweep': command({
    usage: '[--now ISO] [--dry-run]',
    options: { now: instant.optional() },
    flags: ['dry-run'],
    async run(at, given) {
      const on = await at.open()
      const now = given.now ?? on.now()
      if (given.flags.includes('dry-run')) return previewSweep(on, now)
      if (on.config.NODE_ENV === 'production' && now > on.now())
        throw new Refusal(
          422,
          'future',
          'In production --now may not lie in the future: a mistyped year would remove everything.',
        )
      const swept = await sweepRetention(on, now)
      if (swept.overdue.length > 0) throw new Alarm(swept, 3)
      return swept
    },
  }),
}
