import { ConfigError, type Config } from '../config.ts'
import { fail, ok, type Check } from './check.ts'
import { checkDatabase } from './check-database.ts'
import { checkDisk, checkGraph, checkNode, checkPort } from './check-machine.ts'
import { checkQueue } from './check-queue.ts'
import { checkFolder, checkMailServer, checkWorkers } from './check-workers.ts'
import { checkSettings } from './check-settings.ts'

export type Report = { state: Check['state']; checks: Check[] }

/** The configuration with a database that should answer; `isEmbedded` when it is the one in DATA_DIR. */
export type Installation = { config: Config; isEmbedded: boolean }

/** Look at everything an installation stands on; a ConfigError of `open` is a finding too. Changes nothing. */
export async function examine(open: () => Promise<Installation>): Promise<Report> {
  const checks = [checkNode()]
  try {
    const found = await open()
    checks.push(ok('configuration', 'all variables can be read'), ...checkSettings(found.config))
    checks.push(await checkDisk(found.config), await checkPort(found.config))
    checks.push(...(await checkDatabase(found)), await checkQueue(found.config))
    checks.push(await checkGraph(found.config), ...(await checkMailServer(found.config)))
    checks.push(...(await checkFolder(found.config)))
    if (checks.some(({ name, state }) => name === 'migrations' && state === 'ok'))
      checks.push(await checkWorkers(found.config))
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    checks.push(fail('configuration', error.message, 'correct what the line names'))
  }
  return { state: worst(checks), checks }
}

const worst = (checks: Check[]): Check['state'] =>
  (['fail', 'warn'] as const).find((state) => checks.some((check) => check.state === state)) ?? 'ok'
