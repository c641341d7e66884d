import type { Directory, Route } from '../directory.ts'
import type { Vault } from '../vault.ts'
import type { Arrival } from './sealing.ts'

type Loose = Record<string, unknown>
/** What one organization gets: entries of a body, or changes of an entry. */
type Share = { route: Route | undefined; parts: unknown[] }
type From = { directory: Directory; vault: Vault }
/** The bytes as they came, the object in them, and the time of arrival in milliseconds. */
export type Arrived = { bytes: Buffer; content: Loose; at: number }

/**
 * One arrival for each organization that a body of the shared callback speaks of, each for that
 * organization's key: a number or business account names the organization, and what neither names
 * goes under the key of the instance. Bytes are kept as they came unless they have to be divided.
 *
 * Throws NotLoaded before the connections were read.
 */
export function splitShared(on: From, { bytes, content, at }: Arrived): Arrival[] {
  const shares = [...sharesOf(on.directory, content).values()]
  const [first] = shares
  if (!first || shares.length === 1) return [arrivalOf(on, first?.route, bytes, at)]
  const texts = shares.map(({ parts }) => stringify({ ...content, entry: parts }))
  if (texts.includes(undefined)) return [arrivalOf(on, undefined, bytes, at)]
  return shares.map(({ route }, n) => arrivalOf(on, route, Buffer.from(texts[n] ?? ''), at))
}

type Shares = Map<string | null, Share>

function sharesOf(directory: Directory, content: Loose): Shares {
  const shares: Shares = new Map()
  for (const item of listOf(content['entry'])) {
    const entry = objectOf(item)
    const account = directory.byAccount(textOf(entry['id']))
    const parts: Shares = new Map()
    for (const change of listOf(entry['changes'])) {
      const number = numberOf(change)
      give(parts, number === '' ? account : directory.byNumber(number), change)
    }
    if (parts.size === 0) give(shares, account, item)
    for (const { route, parts: changes } of parts.values())
      give(shares, route, { ...entry, changes })
  }
  return shares
}

function give(shares: Shares, route: Route | undefined, part: unknown): void {
  const org = route?.org ?? null
  const share = shares.get(org) ?? { route, parts: [] }
  shares.set(org, share)
  share.parts.push(part)
}

/** The phone number id a change is about; a handover names it in `recipient` instead of `metadata`. */
function numberOf(change: unknown): string {
  const value = objectOf(objectOf(change)['value'])
  const number = textOf(objectOf(value['metadata'])['phone_number_id'])
  return number === '' ? textOf(objectOf(value['recipient'])['phone_number_id']) : number
}

function arrivalOf(on: From, route: Route | undefined, bytes: Buffer, at: number): Arrival {
  const key = route?.key ?? on.vault.instance[0]
  if (!key) throw new Error('the vault has no key')
  return { org: route?.org ?? null, connection: null, key, at, bytes }
}

/** Undefined for an object nested too deep to be written again. */
function stringify(value: Loose): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}

const objectOf = (value: unknown): Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Loose) : {}
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
const textOf = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : ''
