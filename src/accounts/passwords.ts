import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'

/** scrypt's parameters: 2^`ln` rounds of memory, block size `r`, parallelism `p`. */
export type Cost = { ln: number; r: number; p: number }

/** 64 MiB and about a third of a second. Source: OWASP password storage, scrypt N=2^16 r=8 p=2. */
const COST: Cost = { ln: 16, r: 8, p: 2 }
const AT_ONCE = 4
const WAITING = 20
const KEY_BYTES = 32

type Lane = { cost: Cost; running: number; waiting: (() => void)[] }
/** One lane per set of resources: hashing at will would let strangers fill the memory. */
const lanes = new WeakMap<Resources, Lane>()

/** Sets the cost of new hashes; only tests pass one, so that they may sign in often. Old hashes keep theirs. */
export function openPasswords(on: Resources, cost: Cost = COST): void {
  lanes.set(on, { cost, running: 0, waiting: [] })
}

/** A PHC string with its own salt and parameters. Throws Refusal 503 when too many wait for theirs. */
export async function hashPassword(on: Resources, password: string): Promise<string> {
  const { cost } = laneOf(on)
  const salt = randomBytes(16)
  const key = await derive(on, password, salt, cost)
  return `$scrypt$ln=${cost.ln},r=${cost.r},p=${cost.p}$${unpadded(salt)}$${unpadded(key)}`
}

/**
 * Whether `password` made `stored`. Without a stored hash it takes the same time and answers no, so that the
 * answer's time does not tell who has an account.
 */
export async function verifyPassword(
  on: Resources,
  password: string,
  stored: string | null | undefined,
): Promise<boolean> {
  const known = parse(stored) ?? { cost: laneOf(on).cost, salt: randomBytes(16), key: null }
  const key = await derive(on, password, known.salt, known.cost)
  return known.key !== null && key.length === known.key.length && timingSafeEqual(key, known.key)
}

/** Made with other parameters than new hashes are: hash again while the password is at hand. */
export function isOutdated(on: Resources, stored: string): boolean {
  const { cost } = laneOf(on)
  const made = parse(stored)?.cost
  return made?.ln !== cost.ln || made.r !== cost.r || made.p !== cost.p
}

function laneOf(on: Resources): Lane {
  if (!lanes.has(on)) openPasswords(on)
  return lanes.get(on) as Lane
}

async function derive(on: Resources, password: string, salt: Buffer, cost: Cost): Promise<Buffer> {
  const lane = laneOf(on)
  await enter(lane)
  try {
    return await new Promise<Buffer>((resolve, reject) => {
      const N = 2 ** cost.ln
      const { r, p } = cost
      // The default limit of memory is below what these parameters need.
      const options = { N, r, p, maxmem: 256 * N * r }
      scrypt(password.normalize('NFKC'), salt, KEY_BYTES, options, (error, key) =>
        error ? reject(error) : resolve(key),
      )
    })
  } finally {
    leave(lane)
  }
}

async function enter(lane: Lane): Promise<void> {
  if (lane.running < AT_ONCE) lane.running += 1
  else if (lane.waiting.length < WAITING)
    await new Promise<void>((resolve) => lane.waiting.push(resolve))
  else
    throw new Refusal(503, 'busy', 'Many people are signing in right now. Try again in a moment.')
}

/** Hands the place to the next in line, so the count of those running stays as it is. */
function leave(lane: Lane): void {
  const next = lane.waiting.shift()
  if (next) next()
  else lane.running -= 1
}

function parse(
  stored: string | null | undefined,
): { cost: Cost; salt: Buffer; key: Buffer } | undefined {
  const PHC = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/
  const [, ln, r, p, salt = '', key = ''] = PHC.exec(stored ?? '') ?? []
  if (ln === undefined) return undefined
  return {
    cost: { ln: Number(ln), r: Number(r), p: Number(p) },
    salt: Buffer.from(salt, 'base64'),
    key: Buffer.from(key, 'base64'),
  }
}

const unpadded = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '')
