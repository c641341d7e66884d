import { rows } from '../../src/db.ts'
import { BACKENDS, startApp, type Running } from '../support/app.ts'
import { newCanary } from '../support/canaries.ts'
import { messageOf, messagesBody, newCustomer, postWebhook } from '../support/meta.ts'
import type { Org } from '../support/org.ts'
import { signInAs } from '../support/sign-in.ts'
import { until } from '../support/until.ts'
import { visit } from '../support/visitor.ts'

describe.each(BACKENDS)('P18 — repaired without looking inside, queues in %s', (backend) => {
  let app: Running
  let org: Org
  beforeAll(async () => {
    app = await startApp({ backend })
    org = await app.org()
  })
  afterAll(() => app.stop())

  const metrics = async (): Promise<string> => (await fetch(`${app.url}/metrics`)).text()
  const said = async (): Promise<string> => `${app.lines.join('\n')}\n${await metrics()}`

  test('a failing page shows and logs nothing of what was sent to it', async () => {
    const canary = newCanary()
    const visitor = visit(app, { cookie: await signInAs(app.on, org, org.owner) })
    // A database that refuses the very statement whose values hold the canary.
    const { withTenant } = app.on.db
    app.on.db.withTenant = () =>
      Promise.reject(
        Object.assign(new Error(`duplicate key value: (${canary})`), {
          code: 'XX001',
          detail: `Key (name)=(${canary}) already exists.`,
          where: canary,
        }),
      )
    const answer = await visitor.post('/contacts', {
      name: canary,
      phone: '+4915112345678',
      email: '',
    })
    app.on.db.withTenant = withTenant
    expect(answer.status).toBe(500)
    expect(answer.text).not.toContain(canary)
    expect(answer.text).not.toMatch(/\.ts:\d+/)
    expect(app.lines.join('\n')).toContain('XX001')
    expect(await said()).not.toContain(canary)
  })

  test('a webhook that cannot be stored leaves its reason and nothing of its words', async () => {
    const canary = newCanary()
    const ana = { ...newCustomer(), name: canary }
    const odd = messageOf(ana, canary, { id: 7, [canary]: canary })
    const answer = await postWebhook(
      app.url,
      org.connection,
      messagesBody(org.connection, ana, odd),
    )
    expect(answer.status).toBe(200)
    const [letter] = await until(async () => {
      const found = await app.on.db.withSystem((tx) =>
        rows<{ text: string }>(tx, 'select d::text as text from dead_letters d where org_id = ?', [
          org.id,
        ]),
      )
      return found.length > 0 && found
    })
    expect(letter?.text).toContain('parse')
    expect(letter?.text).not.toContain(canary)
    expect(await said()).not.toContain(canary)
  })
})
