import { randomBytes } from 'node:crypto'
import { readAttestation, type Attestation } from '../attestation.ts'
import { rows } from '../db.ts'
import type { Resources } from '../resources.ts'
import { addressTransport, databaseTransport, type Transport } from '../transport.ts'
import { open, seal, SealError, type Place, type SealingKey } from '../vault.ts'
import { DAY_MS } from './limits.ts'
import { countStoredFiles, type StoredFiles } from './stored-files.ts'

/** How the data is encrypted on its way and where it lies, as this process sees it now. */
export type Encryption = {
  site: Transport
  database: { transport: Transport; protocol: string | null; cipher: string | null }
  /** Null when the queues lie in the database. */
  queue: Transport | null
  disks: Attested
  files: StoredFiles
  /** Whether a value sealed this very moment opened again, and did not open once it was altered, cut or moved. */
  probe: boolean
}

/** What the operator says of the disks. It is shown as their word: the product cannot see it. */
export type Attested =
  { state: 'missing' } | ({ state: 'stated' | 'stale'; days: number } & Attestation)

/** A word that is older than this is not relied on any more. */
const STALE_DAYS = 365

/** Evidence for "secure, encrypted servers", read now. Source: privacy policy §4; promise P24. */
export async function readEncryption(on: Resources): Promise<Encryption> {
  const { APP_URL, DATABASE_URL, REDIS_URL } = on.config
  const [live] = await on.db.withSystem((tx) =>
    rows<{ protocol: string | null; cipher: string | null }>(
      tx,
      `select version as protocol, cipher from pg_stat_ssl where pid = pg_backend_pid() and ssl`,
    ),
  )
  return {
    site: addressTransport(APP_URL),
    database: {
      transport: databaseTransport(DATABASE_URL),
      protocol: live?.protocol ?? null,
      cipher: live?.cipher ?? null,
    },
    queue: REDIS_URL === undefined ? null : addressTransport(REDIS_URL),
    disks: attestedAt(on.config.STORAGE_ATTESTATION, on.now()),
    files: await countStoredFiles(on),
    probe: works(on.vault.instance.slice(0, 1)),
  }
}

/** `days` since the day it names; a day to come is no evidence either. */
export function attestedAt(text: string | undefined, now: Date): Attested {
  const stated = text === undefined ? undefined : readAttestation(text)
  if (!stated) return { state: 'missing' }
  const days = Math.floor((now.getTime() - Date.parse(`${stated.on}T00:00:00Z`)) / DAY_MS)
  return { state: days < 0 || days > STALE_DAYS ? 'stale' : 'stated', days, ...stated }
}

/** Whether sealing works, by every key given. */
function works(keys: readonly SealingKey[]): boolean {
  try {
    for (const key of keys) probeSeal(key)
    return keys.length > 0
  } catch {
    return false
  }
}

const PLACE: Place = { purpose: 'probe', org: 'instance', row: 'now' }

/**
 * Seals something, opens it, and tries to open it altered, cut and moved to another place. Throws when any of it does not
 * end as it must.
 */
export function probeSeal(key: SealingKey): void {
  const plain = randomBytes(32)
  const sealed = seal(key, PLACE, plain)
  if (!open([key], PLACE, sealed).equals(plain)) throw new Error('a probe came back changed')
  const [version, kid, body = ''] = sealed.split('.')
  const bytes = Buffer.from(body, 'base64url')
  const altered = Buffer.from(bytes)
  altered.writeUInt8(altered.readUInt8(14) ^ 1, 14)
  for (const wrong of [altered, bytes.subarray(0, -4)])
    refuse(key, PLACE, [version, kid, wrong.toString('base64url')].join('.'))
  refuse(key, { ...PLACE, row: 'elsewhere' }, sealed)
}

function refuse(key: SealingKey, place: Place, sealed: string): void {
  try {
    open([key], place, sealed)
  } catch (error) {
    if (error instanceof SealError) return
    throw error
  }
  throw new Error('a probe opened that must not')
}
