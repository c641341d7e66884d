import { endConnections, endIn, type End } from '../connections/ended.ts'
import { rows } from '../db.ts'
import { isErasedNumber } from '../deletions/suppressions.ts'
import { keepDeadLetters, type Letter } from '../ops/dead-letters.ts'
import type { InboundBody } from '../queues.ts'
import type { Resources } from '../resources.ts'
import { keyIdOf, SealError, type SealingKey } from '../vault.ts'
import { openTogether, type Part } from '../webhooks/sealing.ts'
import { parseBody } from './parse.ts'
import { applyStatuses } from './status.ts'
import { KINDS } from './shapes.ts'
import { SET, storeItems, type Stored } from './store.ts'
import type { Item } from './numbers.ts'
import { bodyOf, type Origin, type Update } from './updates.ts'

/** Letters from one body before it is kept as one: each repeats what stands around its part. */
const MAX_PARTS = 20

/**
 * Take the bodies of one inbound job: open, parse, and write them as sets, one organization after the other.
 *
 * Returns when everything is stored or kept as a dead letter with its reason, so that the job may end. Throws when
 * the database cannot be used now: the whole job runs again, harmlessly, because nothing is stored twice.
 */
export async function receive(on: Resources, bodies: InboundBody[]): Promise<void> {
  await keepUnknown(
    on,
    bodies.filter(({ org }) => org === null),
  )
  for (const org of new Set(bodies.flatMap((body) => body.org ?? [])))
    await receiveFor(
      on,
      org,
      bodies.filter((body) => body.org === org),
    )
}

/** Bodies of the shared callback for numbers nobody here has: kept as they are until the number is connected. */
async function keepUnknown(on: Resources, bodies: InboundBody[]): Promise<void> {
  const [key] = on.vault.instance
  const { found, lost } = openAll(on.vault.instance, bodies)
  if (lost > 0) on.log.warn({ bodies: lost }, 'bodies do not open')
  if (!key) return
  const kept: Letter[] = []
  for (const from of found) {
    const named = parseBody(from.bytes, new Date(from.at)).find((one) => one.number)
    const number = named?.number ?? null
    const about = { number, reason: 'unknown_number' as const, code: null, plain: from.bytes }
    if (number === null || !(await isErasedNumber(on, number)))
      kept.push({ ...letterOf(from, key), ...about })
  }
  if (kept.length < found.length)
    on.log.info({ bodies: found.length - kept.length }, 'for an erased organization, dropped')
  await keepDeadLetters(on, kept)
}

type Opened = Part & Pick<InboundBody, 'org' | 'connection'>

async function receiveFor(on: Resources, org: string, bodies: InboundBody[]): Promise<void> {
  const keys = await keysFor(on, org, bodies)
  const [key] = keys
  const { found, lost } = openAll(keys, bodies)
  // An organization that was erased took its keys along: nothing of it is kept.
  if (lost > 0) on.log.warn({ org, bodies: lost }, 'bodies do not open')
  if (!key || found.length === 0) return
  const { aside, items, ends } = sortOut(found)
  const stored = await storeItems(on, org, items).catch((error: unknown) =>
    dropIfGone(on, org, error),
  )
  if (!stored) return
  await keepDeadLetters(on, lettersOf([...aside, ...refused(stored)], key))
  countUnread(on, { aside, items })
  for (const end of ends) await endConnections(on, org, end)
  if (stored.changed) on.events.publish({ kind: 'feed', org })
  for (const id of stored.files) await on.queues.addMedia({ org, id })
  for (let at = 0; at < stored.wamids.length; at += SET)
    await applyStatuses(on, org, stored.wamids.slice(at, at + SET))
}

type Sorted = { aside: Aside[]; items: Received[]; ends: End[] }

function countUnread({ tally }: Resources, { aside, items }: Omit<Sorted, 'ends'>): void {
  tally.unread('change', aside.filter(({ reason }) => reason === 'other').length)
  const isOdd = ({ update }: Received): boolean =>
    update.type === 'message' && !KINDS.has(update.kind)
  tally.unread('kind', items.filter(isOdd).length)
}

function sortOut(found: Opened[]): Sorted {
  const aside: Aside[] = []
  const items: Received[] = []
  const ends: End[] = []
  for (const from of found)
    for (const update of parseBody(from.bytes, new Date(from.at))) {
      const end = endOf(update, from)
      if (end) ends.push(end)
      if (update.type === 'problem') aside.push({ number: null, ...update, from })
      else items.push({ update, addressed: from.connection, from })
    }
  return { aside, items, ends }
}

function endOf(update: Update, { at }: Opened): End | undefined {
  if (update.type !== 'notice' || update.notice.field !== 'account_update' || !update.origin)
    return undefined
  const { entry, change } = update.origin
  return endIn({ entry, value: change['value'] }, new Date(at))
}

/** From memory where the directory has the key, so that most jobs need no transaction to open their bodies. */
async function keysFor(
  on: Resources,
  org: string,
  bodies: InboundBody[],
): Promise<readonly SealingKey[]> {
  const connection = bodies[0]?.connection
  const route = on.directory.loaded() && connection ? on.directory.find(connection) : undefined
  const wanted = [...new Set(bodies.map(({ sealed }) => keyIdOf(sealed)))]
  const isEnough = route?.org === org && wanted.every((kid) => kid === route.key.id)
  return isEnough ? [route.key] : on.db.withTenant(org, (tx) => on.keys.of(tx, org, wanted))
}

type Received = Item & { from: Opened }
/** A part of a body that is not stored, and why; the whole body where no part can be named. */
type Aside = Pick<Letter, 'number' | 'reason' | 'code'> & { from: Opened; origin?: Origin }

function refused({ strangers, culprits }: Stored<Received>): Aside[] {
  const aside = ({ update, from }: Received): Pick<Aside, 'from' | 'number' | 'origin'> => ({
    from,
    number: update.number,
    ...(update.origin ? { origin: update.origin } : {}),
  })
  return [
    ...strangers.map((item) => ({ ...aside(item), reason: 'unknown_number' as const, code: null })),
    ...culprits.map(({ item, code }) => ({ ...aside(item), reason: 'data' as const, code })),
  ]
}

/** One letter for each part; one for all of a body when it has many, or one that cannot be cut out. */
function lettersOf(asides: Aside[], key: SealingKey): Letter[] {
  return [...new Set(asides.map(({ from }) => from))].flatMap((from) => {
    const parts = asides.filter((aside) => aside.from === from)
    const whole = parts.find(({ origin }) => !origin) ?? (parts.length > MAX_PARTS && parts[0])
    const letter = ({ number, reason, code }: Aside, plain: Letter['plain']): Letter => ({
      ...letterOf(from, key),
      number,
      reason,
      code,
      plain,
    })
    if (whole) return [letter(whole, from.bytes)]
    return parts.map((part) => letter(part, part.origin ? bodyOf(part.origin) : from.bytes))
  })
}

const letterOf = (
  { org, connection, at }: Opened,
  key: SealingKey,
): Pick<Letter, 'org' | 'connection' | 'at' | 'key'> => ({ org, connection, at, key })

/** The bodies as they came, and how many are lost because their key is gone or their envelope was altered. */
function openAll(
  keys: readonly SealingKey[],
  envelopes: readonly InboundBody[],
): { found: Opened[]; lost: number } {
  const found: Opened[] = []
  let lost = 0
  for (const envelope of envelopes) {
    const { org, connection } = envelope
    try {
      for (const part of openTogether(keys, envelope)) found.push({ ...part, org, connection })
    } catch (error) {
      if (!(error instanceof SealError)) throw error
      lost += envelope.parts?.length ?? 1
    }
  }
  return { found, lost }
}

/** The database refuses rows of an organization that is gone or being erased: its bodies go with it. */
async function dropIfGone(on: Resources, org: string, error: unknown): Promise<undefined> {
  const { code } = error as { code?: string }
  const [found] = await on.db.withSystem((tx) =>
    rows<{ status: string }>(tx, 'select status from organizations where org_id = ?', [org]),
  )
  if (code !== '42501' || (found && found.status !== 'purging')) throw error
  on.log.warn({ org }, 'bodies of an organization that is being erased dropped')
}
