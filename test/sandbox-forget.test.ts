import { readFileSync } from 'node:fs'
import path from 'node:path'
import { closeSandbox, lineOf, openSandbox } from '../src/sandbox/sandbox.ts'
import { startApp } from './support/app.ts'
import { openPhones, ownFolder } from './support/phone.ts'
import { until } from './support/until.ts'

test('an organization that is deleted by another process leaves these phones and their file', async () => {
  const app = await startApp({ workers: false, env: { DATA_DIR: ownFolder() } })
  const org = await app.org()
  await openPhones(app, org)
  const box = openSandbox(app.on)
  expect(lineOf(box, org.id)).toBeDefined()
  app.on.events.publish({ kind: 'keys', org: org.id })
  await until(() => lineOf(box, org.id) === undefined)
  const file = path.join(app.on.config.DATA_DIR, 'sandbox.json')
  expect(readFileSync(file, 'utf8')).not.toContain(org.id)
  closeSandbox(app.on)
  await app.stop()
})
