import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createMonitor } from '../src/http/monitor.ts'
import { createWeb } from '../src/listener.ts'
import { startPulse } from '../src/ops/pulse.ts'
import { TROUBLES } from '../src/ops/troubles.ts'
import { QUEUE_NAMES } from '../src/queues.ts'
import { BACKENDS, startApp, type Running } from './support/app.ts'
import { newCanary } from './support/canaries.ts'
import { startGraph, type Graph } from './support/graph.ts'
import { arrive } from './support/inbound.ts'
import { messageOf, messagesBody, newCustomer, postWebhook } from './support/meta.ts'
import type { Org } from './support/org.ts'
import { waysInto } from './support/routes.ts'
import { signInAs } from './support/sign-in.ts'
import { openTalk } from './support/talk.ts'
import { until } from './support/until.ts'
import { visit } from './support/visitor.ts'

type Sample = { name: string; labels: Record<string, string>; value: number }

const LINE = /^(\w+)(?:\{(.*)\})? (\S+)$/
const parse = (text: string): Sample[] =>
  text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', labels = '', value = ''] = LINE.exec(line) ?? []
      const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)]
      return {
        name,
        labels: Object.fromEntries(
          pairs.map(([, label = '', said = '']) => [label, said] as const),
        ),
        value: Number(value),
      }
    })

describe.each(BACKENDS)('metrics, with the queues in %s', (backend) => {
  let app: Running
  let graph: Graph
  let org: Org
  beforeAll(async () => {
    graph = await startGraph()
    app = await startApp({ backend, env: { GRAPH_API_URL: graph.url } })
    org = await app.org()
  })
  afterAll(async () => {
    await app.stop()
    await graph.stop()
  })

  const scrape = async (): Promise<string> => (await fetch(`${app.url}/metrics`)).text()
  const valueOf = (samples: Sample[], name: string, labels: Record<string, string> = {}) =>
    samples.find(
      (sample) =>
        sample.name === name &&
        Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
    )?.value

  test('tell of webhooks, posts, jobs, queues, outboxes, letters, sweeps and deletions', async () => {
    const ana = newCustomer()
    const good = messagesBody(org.connection, ana, messageOf(ana, 'hello'))
    await postWebhook(app.url, org.connection, good)
    await fetch(`${app.url}/webhooks/whatsapp/${org.connection.id}`, { method: 'POST', body: '{}' })
    await arrive(app.on, org, { entry: 'nothing' })
    const talk = await openTalk(app.on, org)
    await talk.say('a reply')
    await until(() => graph.calls.length > 0)
    const stop = startPulse(app.on, 'all')
    const samples = await until(async () => {
      const found = parse(await scrape())
      const beats = found.filter(({ name }) => name === 'chatflow_queue_heartbeat_age_seconds')
      const isDone = valueOf(found, 'chatflow_messages_total', { outcome: 'accepted' }) === 1
      const isRead = valueOf(found, 'chatflow_dead_letters', { reason: 'parse' }) === 1
      return beats.length > 0 && isDone && isRead && found
    }, 20_000)
    await stop()
    const has = (name: string, labels?: Record<string, string>): number | undefined =>
      valueOf(samples, `chatflow_${name}`, labels)
    expect(has('webhook_answers_total', { status: '200' })).toBe(1)
    expect(has('webhook_answers_total', { status: '415' })).toBe(1)
    expect(has('webhook_enqueue_seconds_count')).toBe(1)
    expect(has('jobs_total', { queue: 'inbound', outcome: 'done' })).toBeGreaterThan(0)
    for (const queue of QUEUE_NAMES) {
      expect(has('queue_jobs', { queue, state: 'waiting' })).toBeGreaterThanOrEqual(0)
      expect(has('queue_oldest_seconds', { queue })).toBeGreaterThanOrEqual(0)
      expect(has('queue_paused', { queue })).toBe(0)
    }
    expect(has('outbox_messages', { state: 'waiting' })).toBe(0)
    expect(has('outbox_oldest_seconds', { state: 'held' })).toBe(0)
    expect(has('connections', { state: 'active' })).toBe(1)
    expect(has('deletions_open')).toBe(0)
    expect(has('deletion_days_left')).toBeUndefined()
    expect(has('sweep_overdue_tables')).toBe(0)
    expect(has('processes', { kind: 'all' })).toBe(1)
    expect(has('database_up')).toBe(1)
    expect(has('queue_up')).toBe(1)
    expect(has('database_connections', { state: 'waiting' })).toBe(0)
    expect(has('nodejs_eventloop_lag_seconds')).toBeGreaterThanOrEqual(0)
  })

  /** Every label there may be, and all it may say. What is not listed here fails. */
  const closed = (): Record<string, (value: string) => boolean> => {
    const routes = new Set(
      waysInto(createWeb(app.on).app).map(({ path }) => path.replace(/\/$/, '') || '/'),
    )
    const words =
      (...known: string[]) =>
      (value: string) =>
        known.includes(value)
    return {
      method: words('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'),
      route: (value) => value === 'none' || routes.has(value.replace(/\/$/, '') || '/'),
      status: (value) => /^[1-5]\d\d$/.test(value),
      le: (value) => value === '+Inf' || Number.isFinite(Number(value)),
      queue: words(...QUEUE_NAMES),
      state: words(
        'waiting',
        'active',
        'delayed',
        'failed',
        'held',
        'unknown',
        'pending',
        'suspended',
        'disabled',
        'used',
        'idle',
      ),
      outcome: words('done', 'failed', 'accepted', 'retry', 'unknown', 'held', 'other'),
      reason: words('unknown_number', 'parse', 'data', 'crash', 'refused', 'other'),
      level: words('warn', 'danger'),
      what: words('change', 'kind'),
      kind: words(...TROUBLES, 'web', 'worker', 'all', 'major', 'minor', 'incremental', 'weakcb'),
      type: (value) => /^[A-Za-z]{1,40}$/.test(value),
      space: (value) => /^[a-z_]{1,40}$/.test(value),
      version: (value) => value === process.version,
      major: (value) => /^\d+$/.test(value),
      minor: (value) => /^\d+$/.test(value),
      patch: (value) => /^\d+$/.test(value),
    }
  }

  test('have only labels whose words are known beforehand, whatever is asked for', async () => {
    const canary = newCanary()
    const visitor = visit(app, { cookie: await signInAs(app.on, org, org.owner) })
    for (const path of [
      `/inbox?q=${canary}`,
      `/contacts/${org.id}`,
      `/nowhere/${canary}`,
      `/deletion/${canary}`,
      `/api/v1/messages?wamid=${canary}`,
      `/webhooks/whatsapp/${canary}`,
    ])
      await visitor.get(path)
    await visitor.post('/contacts', { name: canary, phone: '+4915112345678', email: '' })
    await fetch(`${app.url}/webhooks/whatsapp/${canary}`, { method: 'POST', body: canary })
    const known = closed()
    const odd = new Set<string>()
    const text = await scrape()
    const samples = parse(text)
    expect(samples.length).toBeGreaterThan(200)
    for (const { name, labels } of samples) {
      expect(name).toMatch(/^chatflow_/)
      for (const [label, value] of Object.entries(labels))
        if (!known[label]?.(value)) odd.add(`${name} ${label}=${value}`)
    }
    expect([...odd]).toEqual([])
    expect(text).not.toContain(canary)
    expect(text).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}/)
  })

  test('of a worker process come from a door of its own, which tells whether it takes jobs', async () => {
    const server = createServer(createMonitor(app.on))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const ready = async () => {
      const answer = await fetch(`${at}/health/ready`)
      return { status: answer.status, body: await answer.json() }
    }
    await app.on.queues.beat()
    const checks = { database: 'ok', queue: 'ok', heartbeat: 'ok' }
    await until(async () => (await ready()).status === 200)
    expect(await ready()).toEqual({ status: 200, body: { status: 'ok', checks } })
    const old = { ...app.on.queues.beats(), mail: new Date(Date.now() - 120_000) }
    const beats = jest.spyOn(app.on.queues, 'beats').mockReturnValue(old)
    expect(await ready()).toMatchObject({ status: 503, body: { checks: { heartbeat: 'failing' } } })
    beats.mockRestore()
    expect((await fetch(`${at}/health/live`)).status).toBe(200)
    expect(await (await fetch(`${at}/metrics`)).text()).toContain('chatflow_jobs_total')
    const proxied = await fetch(`${at}/metrics`, { headers: { 'x-forwarded-for': '192.0.2.1' } })
    expect(proxied.status).toBe(403)
    server.closeAllConnections()
    server.close()
  })

  test('follow the names that Prometheus asks for', async () => {
    const text = await scrape()
    const types = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name = '', type]) => ({
      name,
      type,
    }))
    const ours = types.filter(({ name }) => !/^chatflow_(nodejs|process)_/.test(name))
    expect(ours.length).toBeGreaterThan(20)
    const isRight = ({ name, type }: (typeof ours)[number]): boolean =>
      name.endsWith('_total') === (type === 'counter') &&
      (type !== 'histogram' || name.endsWith('_seconds'))
    expect(ours.filter((metric) => !isRight(metric))).toEqual([])
  })
})
