import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { keyLimits } from '../src/http/key-limits.ts'
import { answerError } from '../src/http/errors.ts'
import { openLog } from '../src/log.ts'
import { startApp } from './support/app.ts'
import { program } from './support/program.ts'
import { until } from './support/until.ts'

let server: Server
let url: string
beforeEach(async () => {
  const app = express()
  app.use((req, _res, next) => {
    req.log = openLog('silent')
    req.key = { org: 'any', id: req.get('x-key') ?? '', scopes: [] }
    next()
  })
  app.get('/api/any', keyLimits({ perMinute: 100, perSecond: 4 }), (_req, res) => void res.json({}))
  app.use(answerError)
  server = createServer(app)
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/any`
})
afterEach(() => new Promise((resolve) => server.close(resolve)))

const ask = (key: string): Promise<Response> => fetch(url, { headers: { 'x-key': key } })
const burst = async (key: string, count: number): Promise<number[]> => {
  const answers = await Promise.all(Array.from({ length: count }, () => ask(key)))
  return answers.map(({ status }) => status).toSorted((a, b) => a - b)
}

test('a burst beyond the second is told to wait, another key is not', async () => {
  expect(await burst('a', 6)).toEqual([200, 200, 200, 200, 429, 429])
  const refused = await ask('a')
  expect(refused.headers.get('retry-after')).toBe('1')
  expect(refused.headers.get('content-type')).toContain('application/problem+json')
  expect(await refused.json()).toMatchObject({ status: 429, code: 'rate_limited' })
  expect(await burst('b', 4)).toEqual([200, 200, 200, 200])
  await until(async () => (await ask('a')).status === 200)
})

test('what is left of the minute is told, and its end holds', async () => {
  const first = await ask('a')
  expect(first.headers.get('ratelimit')).toBe('"minute";r=99;t=60')
  expect(first.headers.get('ratelimit-policy')).toBe('"minute";q=100;w=60, "second";q=4;w=1')
  const last = await until(async () => {
    const answer = await ask('a')
    return Number(answer.headers.get('retry-after')) > 1 ? answer : undefined
  })
  expect(last.status).toBe(429)
  expect(last.headers.get('ratelimit')).toMatch(/^"minute";r=0;t=\d+$/)
})

test('two hundred replies at once are within the limits of a key', async () => {
  const app = await startApp({ workers: false })
  const { get } = await program(app, await app.org())
  const answers = await Promise.all(Array.from({ length: 200 }, () => get('/connections')))
  expect(answers.filter(({ status }) => status !== 200)).toEqual([])
  expect(Number(answers[0]?.headers.get('ratelimit-remaining'))).toBeGreaterThan(2_000)
  await app.stop()
})
