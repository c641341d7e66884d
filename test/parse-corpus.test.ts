import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parseBody } from '../src/messages/parse.ts'
import type { Update } from '../src/messages/updates.ts'

const parse = (json: string): Update[] => parseBody(json, new Date('2026-11-24T10:00:00Z'))
const messagesIn = (updates: Update[]): Update[] => updates.filter(({ type }) => type === 'message')

const PAYLOADS = path.resolve(import.meta.dirname, '../../shared/payloads/webhooks')
const isThere = existsSync(PAYLOADS)
if (!isThere && process.env['CI'] === 'true') throw new Error('CI needs ../shared/payloads')
if (!isThere) process.stdout.write('No ../shared/payloads: the corpus of webhooks is left out.\n')

const corpus = isThere
  ? readdirSync(PAYLOADS, { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.json'),
    )
  : []
const isObject = (json: string): boolean => json.trimStart().startsWith('{')

;(isThere ? describe : describe.skip)('the corpus of webhooks', () => {
  const load = (file: string): string => readFileSync(path.join(PAYLOADS, file), 'utf8')
  /** The arrays of a `messages` change, counted without our parser. */
  const counted = (json: string, list: 'messages' | 'statuses'): number => {
    const { entry } = JSON.parse(json) as {
      entry: { changes: { field: string; value: Record<string, unknown[]> }[] }[]
    }
    return entry
      .flatMap(({ changes }) => changes)
      .filter(({ field }) => field === 'messages')
      .flatMap(({ value }) => value[list] ?? []).length
  }

  test('never throws, and gives at least one update for each body that holds any', () => {
    const silent = corpus.filter((file) => isObject(load(file)) && parse(load(file)).length === 0)
    expect(corpus.length).toBeGreaterThan(600)
    expect(silent).toEqual(['messages/arrays-empty--composed-1.json'])
  })

  test('loses no message of a documented shape', () => {
    const stretched = /composed|untyped|value-errors/
    const files = corpus.filter((file) => file.startsWith('messages/') && !stretched.test(file))
    const lost = files.filter(
      (file) => messagesIn(parse(load(file))).length < counted(load(file), 'messages'),
    )
    expect(files.length).toBeGreaterThan(150)
    expect(lost).toEqual([])
  })

  test('stretched messages are lost only where nothing names them or their sender', () => {
    const files = corpus.filter((file) => file.startsWith('messages/') && file.includes('composed'))
    const lost = files.filter(
      (file) => messagesIn(parse(load(file))).length < counted(load(file), 'messages'),
    )
    expect(lost).toEqual([
      'messages/batch-one-bad--composed-1.json',
      'messages/id-missing--composed-1.json',
      'messages/sender-missing--composed-1.json',
    ])
  })
})
