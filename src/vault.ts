import { hkdfSync, randomBytes, randomFillSync } from 'node:crypto'
import { decipher, encipher, NONCE_BYTES, TAG_BYTES } from './aead.ts'
import type { MasterKey } from './config.ts'
import { hidden } from './secret.ts'

/** The uses of a key that this process has set aside. */
export type Uses = {
  /** Takes one; false when there is none, and then nothing may be sealed. */
  spend(): boolean
  /** Sees to it that there are `need`, one unless told; false when its limit leaves no room. Rejects when nobody can tell. */
  more(need?: number): Promise<boolean>
}

/** A key that seals: `id` is the `kid` of the envelope; `uses` counts, for the keys of a running installation. */
export type SealingKey = { id: string; key: Buffer; uses?: Uses }

/** What a sealed value is bound to. Moved to another purpose, organization or row it does not open. */
export type Place = { purpose: string; org: string; row: string }

/** The value was altered, moved, or its key is gone. The message carries nothing of it. */
export class SealError extends Error {
  constructor(message = 'sealed value does not open') {
    super(message)
  }
}

/** The key has no uses left that were set aside for it. */
export class KeySpent extends SealError {
  /** PostgreSQL's word for a limit that is reached for now: who asked may try again. */
  readonly code = '53400'
  constructor() {
    super('the key has no use left')
  }
}

const PART = /^[A-Za-z0-9_-]+$/
/** A word, or `table|column`; only here may a bar stand, or two places could share one text. */
const PURPOSE = /^[A-Za-z0-9_-]+(\|[A-Za-z0-9_-]+)?$/

function aad({ purpose, org, row }: Place, kid: string): Buffer {
  if (!PURPOSE.test(purpose) || ![org, row, kid].every((part) => PART.test(part)))
    throw new SealError()
  return Buffer.from([purpose, org, row, kid].join('|'))
}

/** Bytes of an envelope around nothing: what sealing adds. */
export const NAKED_BYTES = NONCE_BYTES + TAG_BYTES
const nonces = Buffer.alloc(NONCE_BYTES * 256)
let used = nonces.length

/** From the system's generator, 256 at a time: asking for each costs more than sealing does. None is given twice. */
function newNonce(): Buffer {
  if (used === nonces.length) {
    randomFillSync(nonces)
    used = 0
  }
  const nonce = Buffer.from(nonces.subarray(used, used + NONCE_BYTES))
  nonces.fill(0, used, used + NONCE_BYTES)
  used += NONCE_BYTES
  return nonce
}

/**
 * AES-256-GCM, 96-bit random nonce, 128-bit tag: `v1.<kid>.<base64url(nonce ‖ ciphertext ‖ tag)>`.
 * Throws KeySpent when the key is counted and has no use left. Source: privacy policy §4, "encrypted at rest using
 * AES-256-GCM encryption".
 */
export function seal(key: SealingKey, place: Place, plain: string | Buffer): string {
  if (key.uses?.spend() === false) throw new KeySpent()
  const nonce = newNonce()
  const sealed = encipher({ key: key.key, nonce, aad: aad(place, key.id) }, plain)
  return `v1.${key.id}.${Buffer.concat([nonce, sealed]).toString('base64url')}`
}

/** As `seal`, for whoever can wait until uses are set aside. Throws KeySpent when the key has reached its limit. */
export async function sealSoon(
  key: SealingKey,
  place: Place,
  plain: string | Buffer,
): Promise<string> {
  for (;;) {
    try {
      return seal(key, place, plain)
    } catch (error) {
      if (!(error instanceof KeySpent) || !(await key.uses?.more())) throw error
    }
  }
}

/** Open an envelope with whichever of `keys` it names; throws SealError when anything is off. */
export function open(keys: readonly SealingKey[], place: Place, envelope: string): Buffer {
  const [version, kid = '', body, extra] = envelope.split('.')
  const key = keys.find((k) => k.id === kid)
  const bytes = Buffer.from(body ?? '', 'base64url')
  // Node skips what is not base64url, so only the one spelling of these bytes is taken for theirs.
  const isExact = bytes.toString('base64url') === body
  if (version !== 'v1' || !key || extra !== undefined || !isExact || bytes.length < NAKED_BYTES)
    throw new SealError()
  const nonce = bytes.subarray(0, NONCE_BYTES)
  try {
    return decipher({ key: key.key, nonce, aad: aad(place, kid) }, bytes.subarray(NONCE_BYTES))
  } catch {
    throw new SealError()
  }
}

/** The key id an envelope names, for finding what an old key still seals. */
export const keyIdOf = (envelope: string): string => envelope.split('.')[1] ?? ''

/** The keys of the instance: master keys wrap data keys, and derived keys serve everything that is not sealing. */
export type Vault = {
  /** Seals what belongs to no organization (mail, bodies of unknown numbers). */
  instance: readonly SealingKey[]
  /** A new data key for an organization, and the wrapped form that `org_keys` stores. */
  newDataKey(org: string): { key: SealingKey; wrapped: string; wrappedBy: string }
  unwrap(org: string, kid: string, wrapped: string): SealingKey
  /** The same data key wrapped by the first master key; throws SealError when none of the master keys opens it. */
  rewrap(org: string, kid: string, wrapped: string): { wrapped: string; wrappedBy: string }
  /** 32 bytes for one purpose, from the first master key by HKDF-SHA256: never the sealing key itself. */
  derive(purpose: string): Buffer
  /** As `derive`, from every master key: what was made before a rotation is still known after it. */
  deriveAll(purpose: string): Buffer[]
}

/** `usesOf` counts how often keys seal; without it, as for a command that seals next to nothing, nobody does. */
export function openVault(
  masterKeys: MasterKey[],
  usesOf?: (name: { org: string | null; kid: string }) => Uses,
): Vault {
  const counted = (org: string | null, { id, key }: MasterKey): SealingKey => ({
    id,
    key: hidden(key),
    ...(usesOf ? { uses: usesOf({ org, kid: id }) } : {}),
  })
  const instance = masterKeys.map((key) => counted(null, key))
  const [first] = instance
  if (!first) throw new SealError()
  const place = (org: string, kid: string): Place => ({
    purpose: 'org_keys|wrapped',
    org,
    row: kid,
  })
  const derived = ({ key }: MasterKey, purpose: string): Buffer =>
    Buffer.from(hkdfSync('sha256', key, '', `chatflow/${purpose}`, 32))
  const unwrap = (org: string, kid: string, wrapped: string): SealingKey =>
    counted(org, { id: kid, key: open(instance, place(org, kid), wrapped) })
  return {
    instance,
    newDataKey(org) {
      const key = counted(org, { id: `d${randomBytes(6).toString('hex')}`, key: randomBytes(32) })
      return { key, wrapped: seal(first, place(org, key.id), key.key), wrappedBy: first.id }
    },
    unwrap,
    rewrap: (org, kid, wrapped) => ({
      wrapped: seal(first, place(org, kid), unwrap(org, kid, wrapped).key),
      wrappedBy: first.id,
    }),
    derive: (purpose) => derived(first, purpose),
    deriveAll: (purpose) => masterKeys.map((key) => derived(key, purpose)),
  }
}
