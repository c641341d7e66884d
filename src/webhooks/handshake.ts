import { sameSecret } from '../ids.ts'
import type { Secret } from '../secret.ts'

const CHALLENGE = /^[A-Za-z0-9_-]{1,128}$/

/**
 * The challenge to echo, or undefined when the call is not Meta's or the token is wrong.
 *
 * Repeated parameters are refused, and a challenge is a plain word: anything else would make the
 * echo a place to inject markup. No token at all is compared too, so that the time tells nothing.
 * Source: WhatsApp Cloud API, webhooks, verification requests.
 */
export function challengeOf(query: URLSearchParams, given: Secret | undefined): string | undefined {
  const token = given?.reveal('handshake')
  const one = (name: string): string => {
    const values = query.getAll(name)
    return values.length === 1 ? (values[0] ?? '') : ''
  }
  const isToken = sameSecret(one('hub.verify_token'), token ?? '') && token !== undefined
  const challenge = one('hub.challenge')
  const isMeant = one('hub.mode') === 'subscribe' && CHALLENGE.test(challenge)
  return isToken && token !== '' && isMeant ? challenge : undefined
}
