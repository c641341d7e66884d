import { codeOf, stepOf } from '../../src/accounts/totp.ts'
import type { Visitor } from './visitor.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** An authenticator app: what it shows at a moment, for the key it was given. */
export type Authenticator = { key: string; shows(at: Date): string }

export function authenticator(key: string): Authenticator {
  const bits = Array.from(key.replaceAll(' ', ''), (letter) =>
    ALPHABET.indexOf(letter).toString(2).padStart(5, '0'),
  ).join('')
  const bytes = (bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2))
  return { key, shows: (at) => codeOf(Buffer.from(bytes), stepOf(at)) }
}

const HOME = '/settings/security/second-factor'

/** Set a second factor up as a person does on the page; answers the app and the recovery codes. */
export async function setUpFactor(
  visitor: Visitor,
  now: () => Date,
): Promise<{ app: Authenticator; codes: string[] }> {
  await visitor.post(HOME)
  const page = await visitor.get(HOME)
  const [, key = ''] = /id="key"[^>]*>([^<]+)</.exec(page.text) ?? []
  const app = authenticator(key)
  const done = await visitor.post(`${HOME}/confirmation`, { code: app.shows(now()) })
  return { app, codes: [...done.text.matchAll(/<li>([A-Z2-7-]+)<\/li>/g)].map(([, c]) => c ?? '') }
}
