import { explain, readGraphError, readWamid } from '../src/sending/graph-errors.ts'
import { judge, type Verdict } from '../src/sending/verdict.ts'
import { windowState } from '../src/sending/window.ts'
import { openCorpus } from './support/corpus.ts'

const NOW = { attempt: 1, ageS: 0, random: 0 }
const answered = (status: number, body: string | object, headers = {}): Verdict =>
  judge(
    {
      outcome: 'answered',
      status,
      headers,
      body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    },
    NOW,
  )
const graphError = (code: number, more = {}): object => ({
  error: { message: `(#${code}) Words`, code, ...more },
})

describe('an answer', () => {
  test.each<[string, number, string | object, Partial<Verdict>]>([
    ['of success', 200, { messages: [{ id: 'wamid.1' }] }, { kind: 'accepted', wamid: 'wamid.1' }],
    ['of success without an id', 200, { messages: [] }, { kind: 'unknown' }],
    ['of success that is no JSON', 200, '<html>', { kind: 'unknown' }],
    ['of a redirect', 302, '', { kind: 'unknown' }],
    ['500 without a body', 500, '', { kind: 'unknown', code: 'http_500' }],
    ['503 from a proxy', 503, '<html>', { kind: 'unknown' }],
    ['500 with an error that has no code', 500, { error: {} }, { kind: 'unknown' }],
    ['400 from a proxy', 400, 'Bad request', { kind: 'unknown' }],
    ['429 without a body', 429, '', { kind: 'retry', class: 'wait' }],
    ['401 without a body', 401, '', { kind: 'held' }],
    ['500 with a code we do not know', 500, graphError(777), { kind: 'retry', class: 'retry' }],
    ['429 with a code we do not know', 429, graphError(777), { kind: 'retry', class: 'wait' }],
    ['401 with a code we do not know', 401, graphError(777), { kind: 'held', code: '777' }],
    ['400 with a code we do not know', 400, graphError(777), { kind: 'failed', class: 'never' }],
    ['a permission of the range 200 to 299', 403, graphError(294), { kind: 'held' }],
    ['a code that only begins like it', 400, graphError(200_006), { kind: 'failed' }],
    ['100 because of the content', 400, graphError(100), { kind: 'failed', class: 'never' }],
    ['100 because of the number', 400, graphError(100, { error_subcode: 33 }), { kind: 'held' }],
    ['100 in maintenance', 400, graphError(100, { error_subcode: 2_494_100 }), { kind: 'retry' }],
  ])('%s', (_name, status, body, verdict) => {
    expect(answered(status, body)).toMatchObject(verdict)
  })

  test('that never came may have been sent; a request that never left was not', () => {
    expect(judge({ outcome: 'unknown', reason: 'timeout' }, NOW).kind).toBe('unknown')
    expect(judge({ outcome: 'not_sent', reason: 'ECONNREFUSED' }, NOW)).toMatchObject({
      kind: 'retry',
      afterMs: 1_000,
    })
  })

  test.each([
    [1, 3],
    [131000, 4],
    [131016, 5],
  ])('%i is posted %i times at most', (code, posts) => {
    const body = Buffer.from(JSON.stringify(graphError(code)))
    const answer = { outcome: 'answered', status: 500, headers: {}, body } as const
    const kinds = [1, 2, 3, 4, 5].map((attempt) => judge(answer, { ...NOW, attempt }).kind)
    expect(kinds.indexOf('failed') + 1).toBe(posts)
  })

  test('of a limit is waited for until the next day', () => {
    const body = Buffer.from(JSON.stringify(graphError(130_429)))
    const answer = { outcome: 'answered', status: 429, headers: {}, body } as const
    const late = { attempt: 99, ageS: 86_399, random: 0 }
    expect(judge(answer, late)).toMatchObject({ kind: 'retry', afterMs: 64_000 })
    expect(judge(answer, { ...late, ageS: 86_400 }).kind).toBe('failed')
  })

  test('of spam pauses for an hour, and no pause is shorter than Retry-After', () => {
    expect(answered(400, graphError(131_048))).toMatchObject({ afterMs: 3_600_000 })
    expect(answered(429, graphError(4), { 'retry-after': '7' })).toMatchObject({ afterMs: 7_000 })
    expect(answered(429, graphError(4), { 'retry-after': 'soon' })).toMatchObject({
      afterMs: 1_000,
    })
    expect(answered(429, graphError(4), { 'retry-after': '999999' })).toMatchObject({
      afterMs: 3_600_000,
    })
  })

  test('is titled in words that can be stored', () => {
    const error = readGraphError(
      Buffer.from(
        JSON.stringify(graphError(1, { message: '(#1) a\u0000b\ud83d'.padEnd(400, 'x') })),
      ),
    )
    expect(error?.title?.isWellFormed()).toBe(true)
    expect(error?.title).toMatch(/^a b x+$/)
    expect(error?.title?.length).toBeLessThanOrEqual(200)
  })
})

describe('the sentence for the agent', () => {
  test('names one thing to do', () => {
    expect(explain('131047', 'Re-engagement message')).toMatchObject({
      class: 'window',
      action: 'template',
    })
    expect(explain('window_closed', null).line).toBe(explain('131047', null).line)
    expect(explain('190/463', null)).toMatchObject({ class: 'connection', action: 'admin' })
  })

  test('of an unknown code is what WhatsApp said, with the code', () => {
    const { line } = explain('987654', 'Something new')
    expect(line).toBe('The message was not sent: Something new (987654).')
    expect(explain(null, null).line).toContain('gave no reason')
  })
})

const graph = openCorpus('graph')

const CLASSES: Record<string, string> = {
  retry: '1 131000 131016 133004 2',
  wait: '4 130429 131048 131056 131057 132069 133008 133009 133015 133016 136025 80007 80008',
  connection: '0 10 104 131005 131031 131037 131042 131045 133010 190 200 3 33 368 803',
  window: '131047',
  recipient: '130472 130497 131021 131026 131049 131050',
  template: '132000 132001 132005 132007 132012 132015 132016 132068',
  never:
    '100 131008 131009 131030 131051 131052 131053 131055 133000 133005 133006 134011 135000 136024 139102',
}

graph.describe('the collected answers', () => {
  const errors = graph.files.filter((file) => file.startsWith('error'))
  const coded = errors.filter((file) => readGraphError(graph.bytes(file))?.code)

  test.each(errors)('%s ends in a decision, with a sentence and one thing to do', (file) => {
    const body = graph.bytes(file)
    const error = readGraphError(body)
    const verdict = judge({ outcome: 'answered', status: 400, headers: {}, body }, NOW)
    expect(error ? ['retry', 'failed', 'held'] : ['unknown']).toContain(verdict.kind)
    const { line, action } = explain(error?.code ?? null, error?.title ?? null)
    expect(line.length).toBeGreaterThan(20)
    expect(['retry', 'template', 'none', 'admin']).toContain(action)
  })

  test.each(coded)('%s has the class of its code, and a sentence of our own', (file) => {
    const code = readGraphError(graph.bytes(file))?.code ?? ''
    const { class: kind, line } = explain(code, 'Words of Meta')
    expect(CLASSES[kind]?.split(' ')).toContain(code)
    expect(line).not.toContain('Words of Meta')
  })

  test('only what is no error, or a placeholder, has no code', () => {
    const without = errors.filter((file) => !coded.includes(file))
    expect(without.filter((file) => !/-odd-|yvfl-docs-[14]\.json$/.test(file))).toEqual([])
    expect(coded.length).toBeGreaterThan(90)
  })

  test.each(graph.files.filter((file) => file.startsWith('send--')))(
    '%s tells the wamid',
    (file) => {
      const body = graph.bytes(file)
      const { messages } = JSON.parse(body.toString()) as { messages?: { id?: string }[] }
      expect(readWamid(body)).toBe(messages?.[0]?.id)
    },
  )
})

test('the window counts minutes up to its end', () => {
  const now = new Date('2026-11-24T12:00:00Z')
  const at = (seconds: number): Date => new Date(now.getTime() + seconds * 1_000)
  expect(windowState(null, now)).toEqual({ open: false, minutesLeft: 0 })
  expect(windowState(at(0), now)).toEqual({ open: false, minutesLeft: 0 })
  expect(windowState(at(-60), now)).toEqual({ open: false, minutesLeft: 0 })
  expect(windowState(at(1), now)).toEqual({ open: true, minutesLeft: 1 })
  expect(windowState(at(86_400), now)).toEqual({ open: true, minutesLeft: 1_440 })
})
