import { inspect } from 'node:util'

/** What secrets are read for; each says when it is made which of these it serves. */
export type Purpose =
  | 'call_graph'
  | 'ask_about_token'
  | 'mask'
  | 'check_signature'
  | 'handshake'
  | 'send_mail'
  | 'scrape'
  | 'sign_cookies'

const SHOWN = '[secret]'

/**
 * A text that shows itself as `[secret]` wherever it is printed, joined, logged or serialised, and is read only through `reveal`,
 * for a purpose it was made for. Source: promise P29.
 */
export class Secret {
  readonly #text: string
  readonly #purposes: readonly Purpose[]

  constructor(text: string, ...purposes: Purpose[]) {
    this.#text = text
    this.#purposes = purposes
  }

  /** The text itself. Throws when it serves no such purpose: a token for calls is no key for signatures. */
  reveal(purpose: Purpose): string {
    if (!this.#purposes.includes(purpose))
      throw new TypeError(`this secret is not there to ${purpose}`)
    return this.#text
  }

  toString(): string {
    return SHOWN
  }

  toJSON(): string {
    return SHOWN
  }

  [inspect.custom](): string {
    return SHOWN
  }
}

/** The same bytes of a key, for the ciphers, which print and serialise as `[secret]`. */
export function hidden(bytes: Buffer): Buffer {
  const shown = { value: () => SHOWN, enumerable: false, configurable: true }
  return Object.defineProperties(bytes, { toJSON: shown, [inspect.custom]: shown })
}

/** Longer than any word and with a digit in it: a token, cut or in another spelling. */
const UNBROKEN = /(?=[\w|%-]*\d)[\w|%-]{20,}/g

/** Words of somebody else, such as an error that quotes what was sent, without what may be part of a token. */
export const withoutTokens = (words: string): string => words.replaceAll(UNBROKEN, '…')
