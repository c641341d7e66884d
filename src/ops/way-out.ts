import { createHmac } from 'node:crypto'
import { sameSecret } from '../ids.ts'
import type { Resources } from '../resources.ts'
import type { Topic } from './letter-kinds.ts'

const MAC_BYTES = 18
const TOKEN = /^[A-Za-z0-9_-]{46}$/

const idBytes = (user: string): Buffer => Buffer.from(user.replaceAll('-', ''), 'hex')

/** Of the first 16 bytes of a token. */
const idOf = (bytes: Buffer): string =>
  bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')

const macOf = (key: Buffer, user: string, topic: Topic): Buffer =>
  createHmac('sha256', key)
    .update(JSON.stringify(['cfu1', user, topic]))
    .digest()
    .subarray(0, MAC_BYTES)

/**
 * The link under an optional letter. It says who refuses and what, and nothing else can be done with it: it is made from
 * the person and the topic alone, so it outlives a change of address, and ends when there is no such person.
 */
export function wayOut(on: Resources, user: string, topic: Topic): string {
  const mac = macOf(on.vault.derive('unsubscribe'), user, topic)
  const token = Buffer.concat([idBytes(user), mac]).toString('base64url')
  return `${on.config.APP_URL}/unsubscribe/${topic}/${token}`
}

/** Whose link this is; undefined when it was not made here, or for another topic. */
export function readWayOut(on: Resources, topic: Topic, token: string): string | undefined {
  if (!TOKEN.test(token)) return undefined
  const bytes = Buffer.from(token, 'base64url')
  const user = idOf(bytes.subarray(0, 16))
  const given = bytes.subarray(16).toString('base64url')
  const fits = on.vault
    .deriveAll('unsubscribe')
    .some((key) => sameSecret(macOf(key, user, topic).toString('base64url'), given))
  return fits ? user : undefined
}
