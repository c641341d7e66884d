import { createHmac } from 'node:crypto'
import { sameSecret } from '../ids.ts'
import type { Resources } from '../resources.ts'

const MAC_BYTES = 18
const TOKEN = /^[A-Za-z0-9_-]{46}$/

const bytesOf = (id: string): Buffer => Buffer.from(id.replaceAll('-', ''), 'hex')
const idOf = (bytes: Buffer): string =>
  bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')

/** What a link stands for: a word of ours, and what it is bound to besides the id. */
export type Purpose = readonly [name: 'unsubscribe' | 'support', ...bound: string[]]

const macOf = (key: Buffer, purpose: Purpose, id: string): Buffer =>
  createHmac('sha256', key)
    .update(JSON.stringify([...purpose, id]))
    .digest()
    .subarray(0, MAC_BYTES)

/**
 * An id that only we can have written into a link, for one purpose. Nothing is stored: it can be made again at any time,
 * and says nothing once the row of the id is gone.
 */
export function signId(on: Resources, purpose: Purpose, id: string): string {
  const mac = macOf(on.vault.derive(purpose[0]), purpose, id)
  return Buffer.concat([bytesOf(id), mac]).toString('base64url')
}

/** The id of a link; undefined when it was not made here, or for another purpose. */
export function readSignedId(on: Resources, purpose: Purpose, token: string): string | undefined {
  if (!TOKEN.test(token)) return undefined
  const bytes = Buffer.from(token, 'base64url')
  // The last letter has bits to spare: only the one spelling of these bytes is taken for theirs.
  if (bytes.toString('base64url') !== token) return undefined
  const id = idOf(bytes.subarray(0, 16))
  const given = bytes.subarray(16).toString('base64url')
  const fits = on.vault
    .deriveAll(purpose[0])
    .some((key) => sameSecret(macOf(key, purpose, id).toString('base64url'), given))
  return fits ? id : undefined
}
