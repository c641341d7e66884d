import './quiet.ts'
import { completeConfig, readVariables, type Variables } from './config.ts'
import { embeddedConfig, openEmbedded, type Embedded } from './embedded/embedded.ts'
import { seedOnce, welcome } from './embedded/welcome.ts'
import { live, type Life } from './lifetime.ts'
import { createWeb } from './listener.ts'
import { startPulse } from './ops/pulse.ts'
import { guardMasterKeys } from './ops/master-probe.ts'
import { release } from './release.ts'
import { openResources, type Resources } from './resources.ts'
import { closeSandbox } from './sandbox/sandbox.ts'
import { listen } from './server.ts'
import { startWorkers } from './work.ts'

const ANSWERS_MS = 10_000
const INTERRUPTED =
  'A restore was interrupted, so nobody is let in. Run it again: npm run --silent chatflow -- restore FILE'

/**
 * The whole product in one process. Without DATABASE_URL it brings its own PostgreSQL and keys in DATA_DIR, and a
 * demonstration to try it with. What is opened last ends first.
 */
await live(async (life) => {
  const variables = readVariables()
  const embedded = variables.DATABASE_URL ? undefined : await openOwn(variables, life)
  const config = embedded ? embeddedConfig(variables, embedded) : completeConfig(variables)
  await embedded?.announce(config.PORT, config.APP_URL)
  await release(config.DATABASE_URL)
  const on = await openResources(config)
  life.onEnd(() => on.close())
  life.onEnd(await guardMasterKeys(on, life.fail))
  life.onEnd(() => closeSandbox(on))
  life.onEnd(startPulse(on, 'all'))
  life.onEnd(startWorkers(on))
  const server = await listen(config)
  life.onEnd(() => server.close(ANSWERS_MS))
  server.serve(createWeb(on).answer)
  if (on.maintenance.isOn()) process.stdout.write(`\n  ${INTERRUPTED}\n\n`)
  else await greet(on, embedded)
})

async function greet(on: Resources, embedded: Embedded | undefined): Promise<void> {
  if (embedded && on.config.SANDBOX) await seedOnce(on, embedded)
  process.stdout.write(await welcome(on, embedded, process.stdout.isTTY))
}

async function openOwn(variables: Variables, life: Life): Promise<Embedded> {
  const embedded = await openEmbedded(variables)
  life.onEnd(() => embedded.close())
  void embedded.ended.then(() => life.fail(`the database in ${embedded.place} has ended`))
  return embedded
}
