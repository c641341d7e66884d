import { parseBody } from '../src/messages/parse.ts'
import type { Update } from '../src/messages/updates.ts'
import { openCorpus } from './support/corpus.ts'

const parse = (json: string): Update[] => parseBody(json, new Date('2026-11-24T10:00:00Z'))
const messagesIn = (updates: Update[]): Update[] => updates.filter(({ type }) => type === 'message')

const webhooks = openCorpus('webhooks')
const corpus = webhooks.files
const isObject = (json: string): boolean => json.trimStart().startsWith('{')

webhooks.describe('the corpus of webhooks', () => {
  const load = (file: string): string => webhooks.bytes(file).toString()
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
