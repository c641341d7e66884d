import { examine } from '../ops/doctor.ts'
import { Alarm, command, type Command } from './command.ts'

export const doctorCommands: Record<string, Command> = {
  doctor: command({
    usage: '',
    async run(at) {
      const report = await examine(() => at.join())
      if (report.state === 'fail') throw new Alarm(report)
      return report
    },
  }),
}
