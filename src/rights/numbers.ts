import { createHmac, randomBytes, randomInt } from 'node:crypto'
import { digest, sameSecret } from '../ids.ts'
import type { Resources } from '../resources.ts'

/** Without letters that look like digits or make words. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** What people call a request by, as `R-7K4M-2QX9`. It opens nothing. */
export function newNumber(): string {
  const letters = Array.from(randomBytes(8), (byte) => ALPHABET[byte % ALPHABET.length])
  return `R-${letters.slice(0, 4).join('')}-${letters.slice(4).join('')}`
}

/**
 * The code of the receipt page of a request. It is made again from the id wherever a letter needs it, so that only its
 * digest is kept; `known` finds it when another master key made it.
 */
export function receiptCode(on: Resources, id: string, known?: Buffer): string {
  const codes = on.vault
    .deriveAll('rights_receipt')
    .map((key) => createHmac('sha256', key).update(id).digest('base64url').slice(0, 32))
  const [newest = ''] = codes
  return codes.find((code) => known && digest(code).equals(known)) ?? newest
}

/** Stands for the same thing asked by the same person; it names neither. */
export const onceDigest = (on: Resources, ...parts: string[]): Buffer =>
  createHmac('sha256', on.vault.derive('rights_once')).update(JSON.stringify(parts)).digest()

/** Six digits that somebody reads on one screen and types on another. */
export const newShortCode = (): string => String(randomInt(1_000_000)).padStart(6, '0')

/** So short a code could be found by trying, so its digest is keyed and bound to its request. */
export const shortCodeDigest = (on: Resources, id: string, code: string): Buffer =>
  createHmac('sha256', on.vault.derive('rights_code')).update(`${id} ${code}`).digest()

export const isShortCode = (on: Resources, id: string, code: string, kept: Buffer): boolean =>
  sameSecret(shortCodeDigest(on, id, code).toString('hex'), kept.toString('hex'))
