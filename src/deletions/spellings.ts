/** How one value may be written somewhere. */
export type Spellings = {
  /** Found whatever the case of letters. */
  folded: string[]
  /** Base64: another case is another value. */
  exact: string[]
  /** Digits of a number, to be found among spaces, dashes, dots, brackets and slashes. */
  digits: string | undefined
}

/** What people put between the digits of a number. */
export const BETWEEN = ' \t().-/+\u00a0'
/** Shorter than this a part of base64 stands for too many other things. */
const SHORTEST = 6

/**
 * Every way a value is looked for: as it is, in hex, in UTF-16, escaped for a URL or for JSON, in base64 wherever it may
 * begin, and a phone number with whatever between its digits. Source: promise P45.
 */
export function spellingsOf(value: string): Spellings {
  const bytes = Buffer.from(value)
  const wide = Buffer.from(value, 'utf16le')
  const json = JSON.stringify(value).slice(1, -1)
  const folded = [
    value,
    bytes.toString('hex'),
    wide.toString('hex'),
    encodeURIComponent(value),
    json,
    json.replaceAll(/[^\x20-\x7e]/g, escaped),
  ]
  const base64 = [bytes, wide].flatMap(inBase64)
  const url = base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'))
  return {
    folded: [...new Set(folded)],
    exact: [...new Set([...base64, ...url])],
    digits: /^\d{8,15}$/.test(value) ? value : undefined,
  }
}

/** A value inside base64 looks one of three ways, by where in a group of three bytes it begins. */
const inBase64 = (bytes: Buffer): string[] =>
  [0, 1, 2]
    .map((offset) => {
      const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64')
      // The first and last group also hold bits of their neighbours.
      return text.slice(offset === 0 ? 0 : 4, Math.floor(text.length / 4) * 4 - 4)
    })
    .filter((text) => text.length >= SHORTEST)

const escaped = (letter: string): string =>
  String.raw`\u` + letter.charCodeAt(0).toString(16).padStart(4, '0')
