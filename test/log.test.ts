import { format, inspect } from 'node:util'
import { describeError, openLog, type Fields } from '../src/log.ts'
import { hidden, Secret } from '../src/secret.ts'

test('an error is logged by kind, code and place, never by its words', () => {
  const error = Object.assign(new Error('Key (email)=(ana@example.test) already exists.'), {
    code: '23505',
    detail: 'ana@example.test',
  })
  const described = describeError(error)
  expect(described).toMatchObject({ type: 'Error', code: '23505' })
  expect(JSON.stringify(described)).not.toContain('ana@')
})

test('words that look like the place of an error stay out of its place', () => {
  const error = new Error(
    'no\n    at ana@example.test (/home/ana.ts:1:1)\n    at 4915112345678:1:1',
  )
  const told = JSON.stringify(describeError(error))
  expect(told).toMatch(/log\.test\.ts:\d+/)
  expect(told).not.toMatch(/ana|49151/)
})

test('a line has fields of a closed set with ids, codes, counts and times, and counts what it withholds', () => {
  const lines: string[] = []
  const log = openLog('debug', { write: (line: string) => void lines.push(line) })
  const ours = { job: '17', status: 200, due: new Date(0), counts: { contacts: 2 } }
  const theirs = { phone: '4915112345678', headers: { authorization: 'Bearer x' }, token: 'x' }
  const odd = { reason: 'Ana wrote to us', code: 'EAAB0123456789abcdefgh', row: { name: 'Ana' } }
  const loose: object = { ...ours, ...theirs, ...odd }
  log.child({ org: 'o1' }).warn(loose as Fields, 'told')
  const told = JSON.parse(lines.join('')) as Record<string, unknown>
  const due = '1970-01-01T00:00:00.000Z'
  expect(told).toMatchObject({ ...ours, due, org: 'o1', withheld: 6, msg: 'told' })
  expect(Object.keys(told)).toHaveLength(9)
})

test('a secret shows itself nowhere, and serves only what it is there for', () => {
  const secret = new Secret('hunter22', 'handshake')
  const both = { secret, bytes: hidden(Buffer.from('hunter22')) }
  const shown = [JSON.stringify(both), inspect(both), format('%s %o %j', secret, secret, secret)]
  shown.push(String(secret), JSON.stringify(Object.entries(secret)))
  shown.push(inspect(structuredClone(secret)))
  expect(shown.join()).not.toMatch(/hunter22|68 75 6e 74|104,117/)
  expect(secret.reveal('handshake')).toBe('hunter22')
  expect(() => secret.reveal('call_graph')).toThrow('not there to call_graph')
})
