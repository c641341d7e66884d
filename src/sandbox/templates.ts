import { blanksIn, BLANK, partsOf, readComponents, type Parts } from '../templates/components.ts'
import {
  missing,
  noTemplate,
  unfitting,
  templateOff,
  templatePaused,
  unknownObject,
} from './graph-refusals.ts'
import type { Line } from './state.ts'
import type { ShelfTemplate } from './template-shelf.ts'

type Query = Record<string, unknown>
type Fields = Record<string, unknown>

const FILTERS = ['name', 'status', 'language', 'category'] as const

/**
 * `GET /{waba-id}/message_templates`: filtered, and page by page; the cursor is where the next one begins.
 * Throws GraphRefusal for another account. Source: WhatsApp Business Management API.
 */
export function listShelf(line: Line, id: string, query: Query, here: string): object {
  if (id !== line.wabaId) throw unknownObject()
  const wanted = line.templates.filter((template) =>
    FILTERS.every((name) => query[name] === undefined || query[name] === template[name]),
  )
  const limit = Math.min(Math.max(Number(query['limit']) || 25, 1), 1_000)
  const from = cursorIn(query['after'])
  const data = wanted.slice(from, from + limit).map((template) => chosen(template, query['fields']))
  const after = Buffer.from(String(from + limit)).toString('base64url')
  const cursors = { before: Buffer.from(String(from)).toString('base64url'), after }
  if (from + limit >= wanted.length) return { data, paging: { cursors } }
  const next = new URL(here)
  next.searchParams.set('after', after)
  return { data, paging: { cursors, next: next.href } }
}

const cursorIn = (after: unknown): number =>
  typeof after === 'string' ? Number(Buffer.from(after, 'base64url').toString()) || 0 : 0

function chosen(template: ShelfTemplate, fields: unknown): object {
  const { quality, isNew: _, ...rest } = template
  const whole: Fields = { ...rest, quality_score: { score: quality } }
  const names = typeof fields === 'string' ? new Set(['id', ...fields.split(',')]) : undefined
  return names
    ? Object.fromEntries(Object.entries(whole).filter(([name]) => names.has(name)))
    : whole
}

/**
 * The words a template becomes on the phone with what is filled in. Throws GraphRefusal where Meta would not take it:
 * no such template, paused, switched off, or values that do not fit. Source: Cloud API, template messages.
 */
export function wordsOfTemplate(line: Line, given: Fields): string {
  const { code } = (given['language'] ?? {}) as { code?: string }
  const template = line.templates.find(
    ({ name, language }) => name === given['name'] && language === code,
  )
  if (template?.status === 'PAUSED') throw templatePaused()
  if (template?.status === 'DISABLED') throw templateOff()
  if (template?.status !== 'APPROVED') throw noTemplate()
  const parts = partsOf(readComponents(template.components))
  return fill(parts, (given['components'] ?? []) as Part[])
}

type Parameter = { type?: string; text?: string; parameter_name?: string } & Fields
type Part = {
  type?: string
  sub_type?: string
  index?: string | number
  parameters?: Parameter[]
  cards?: { components?: Part[] }[]
}

/** Of the part of this type, whatever its case. */
const partIn = (given: Part[], kind: string): Part | undefined =>
  given.find(({ type }) => type?.toLowerCase() === kind)

function fill(parts: Parts, given: Part[]): string {
  const { body, cards } = parts
  checkButtons(parts, given)
  const shown = partIn(given, 'carousel')?.cards ?? []
  if (shown.length !== cards.length)
    throw unfitting(132_012, 'The number of cards differs from that of the template.')
  const words = [
    headerWords(parts, partIn(given, 'header')?.parameters ?? []),
    hydrated(body?.text, partIn(given, 'body')?.parameters ?? [], 1_024),
    ...cards.map((card, n) => fill(card, shown[n]?.components ?? [])),
  ]
  return words.filter(Boolean).join('\n')
}

function headerWords({ header }: Parts, given: Parameter[]): string {
  const format = header?.format ?? 'TEXT'
  if (format === 'TEXT') return hydrated(header?.text, given, 60)
  if (given[0]?.type?.toUpperCase() !== format)
    throw unfitting(132_012, `The header needs a parameter of type ${format.toLowerCase()}.`)
  return ''
}

function checkButtons({ buttons }: Parts, given: Part[]): void {
  for (const [n, { type = '', url }] of buttons.entries()) {
    const needs = type === 'COPY_CODE' || (type === 'URL' && blanksIn(url).length > 0)
    const has = given.some((part) => String(part.index) === String(n) && part.parameters?.length)
    if (needs && !has) throw missing(`components[button ${n}].parameters`)
  }
}

function hydrated(text = '', given: Parameter[] = [], most = 0): string {
  const names = blanksIn(text)
  if (names.length !== given.length)
    throw unfitting(132_000, `${given.length} parameters were given, ${names.length} are expected.`)
  const values = new Map(
    given.map(({ text: value, parameter_name }, n) => [parameter_name ?? String(n + 1), value]),
  )
  const words = text.replace(BLANK, (_blank, name: string) => {
    const value = values.get(name)
    if (!value) throw unfitting(132_000, `There is no value for ${name}.`)
    if (/[\n\t]| {5}/.test(value))
      throw unfitting(132_018, 'A value has a line break, a tab or more than four spaces.')
    return value
  })
  if (words.length > most) throw unfitting(132_005, `The text has more than ${most} characters.`)
  return words
}
