import {
  createCipheriv,
  createDecipheriv,
  hkdfSync,
  randomBytes,
  randomFillSync,
} from 'node:crypto'
import type { MasterKey } from './config.ts'

/** A key that seals: `id` is the `kid` of the envelope. */
export type SealingKey = { id: string; key: Buffer }

/** What a sealed value is bound to. Moved to another purpose, organization or row it does not open. */
export type Place = { purpose: string; org: string; row: string }

/** The value was altered, moved, or its key is gone. The message carries nothing of it. */
export class SealError extends Error {
  constructor() {
    super('sealed value does not open')
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

const NONCE_BYTES = 12
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
 * Source: privacy policy §4, "encrypted at rest using AES-256-GCM encryption".
 */
export function seal(key: SealingKey, place: Place, plain: string | Buffer): string {
  const nonce = newNonce()
  const cipher = createCipheriv('aes-256-gcm', key.key, nonce, { authTagLength: 16 })
  cipher.setAAD(aad(place, key.id))
  const sealed = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  return `v1.${key.id}.${sealed.toString('base64url')}`
}

/** Open an envelope with whichever of `keys` it names; throws SealError when anything is off. */
export function open(keys: readonly SealingKey[], place: Place, envelope: string): Buffer {
  const [version, kid = '', body, extra] = envelope.split('.')
  const key = keys.find((k) => k.id === kid)
  const bytes = Buffer.from(body ?? '', 'base64url')
  // Node skips what is not base64url, so only the one spelling of these bytes is taken for theirs.
  const isExact = bytes.toString('base64url') === body
  if (version !== 'v1' || !key || extra !== undefined || !isExact || bytes.length < 28)
    throw new SealError()
  try {
    const decipher = createDecipheriv('aes-256-gcm', key.key, bytes.subarray(0, 12), {
      authTagLength: 16,
    })
    decipher.setAAD(aad(place, kid))
    decipher.setAuthTag(bytes.subarray(-16))
    return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()])
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

export function openVault(masterKeys: MasterKey[]): Vault {
  const first = masterKeys[0]
  if (!first) throw new SealError()
  const place = (org: string, kid: string): Place => ({
    purpose: 'org_keys|wrapped',
    org,
    row: kid,
  })
  const derived = ({ key }: MasterKey, purpose: string): Buffer =>
    Buffer.from(hkdfSync('sha256', key, '', `chatflow/${purpose}`, 32))
  const unwrap = (org: string, kid: string, wrapped: string): SealingKey => ({
    id: kid,
    key: open(masterKeys, place(org, kid), wrapped),
  })
  return {
    instance: masterKeys,
    newDataKey(org) {
      const key = { id: `d${randomBytes(6).toString('hex')}`, key: randomBytes(32) }
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
