import './quiet.ts'
import { runCommand } from './cli/run.ts'

// Nothing that is still open may keep a finished command waiting.
process.exit(await runCommand(process.argv.slice(2), process))
