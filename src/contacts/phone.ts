import { countryCode } from './dial-codes.ts'

/** Three-digit area codes of Argentina; 11 is the only one of two digits, all others have four. */
const AR_AREA_3 =
  '2(?:2[013]|3[067]|49|6[01346]|80|9[147-9])|3(?:36|4[1-358]|5[138]|6[24]|7[069]|8[013578])'
const AR_AREA = new RegExp(`^(?:11|${AR_AREA_3}|\\d{4})`)
/** Number of national digits after a Mexican or Argentine country code. */
const NATIONAL = 10

/**
 * E.164 digits without the plus, or undefined when the text is no complete international number.
 *
 * Any punctuation, a leading `+`, `00` or `tel:`, a trunk `(0)` after the country code and digits
 * of other scripts are understood. Nothing is folded: WhatsApp's own spelling of a number is kept.
 * Source: ITU-T E.164, at most 15 digits.
 */
export function normalisePhone(text: string): string | undefined {
  const plain = text
    .normalize('NFKC')
    .replace(/[\p{Cf}\s]/gu, '')
    .replace(/^(tel:|whatsapp:)/i, '')
    .replace(/[\u0660-\u0669\u06f0-\u06f9\u0966-\u096f]/g, asciiDigit)
  if (!/^\+?[\d().\-/\p{Pd}]+$/u.test(plain)) return undefined
  const digits = plain.replace('(0)', '').replace(/\D/g, '')
  const international = plain.startsWith('+') ? digits : digits.replace(/^00/, '')
  return /^[1-9]\d{6,14}$/.test(international) ? international : undefined
}

/** Arabic, Persian and Devanagari digits, each block ten in a row. */
const asciiDigit = (digit: string): string => {
  const code = digit.charCodeAt(0)
  return String(code - (code < 0x6f0 ? 0x660 : code < 0x966 ? 0x6f0 : 0x966))
}

/**
 * One key for every spelling of one person's number: it finds people and is never written to.
 *
 * Brazil: mobiles with and without the ninth digit; landlines begin with 2 to 5 and stay apart.
 * Mexico: `521` and `52`. Argentina: `549`, `54` and the domestic `15` after the area code.
 * Every other number is its own key. `digits` as `normalisePhone` gives them.
 */
export function phoneMatch(digits: string): string {
  if (digits.startsWith('55')) return digits.replace(/^55([1-9][1-9])9?([16-9]\d{7})$/, '55$19$2')
  if (digits.startsWith('521')) return digits.replace(/^521(\d{10})$/, '52$1')
  if (digits.startsWith('54')) return `54${argentineNational(digits.slice(2))}`
  return digits
}

function argentineNational(national: string): string {
  const bare = national.length > NATIONAL ? national.replace(/^0?9?0?/, '') : national
  const area = AR_AREA.exec(bare)?.[0] ?? ''
  const isDomestic = bare.length === NATIONAL + 2 && bare.startsWith('15', area.length)
  return isDomestic ? area + bare.slice(area.length + 2) : bare
}

/** How a country writes its numbers; the first pattern that fits the whole number counts. */
const STYLES: [RegExp, string][] = [
  [/^1(\d{3})(\d{3})(\d{4})$/, '+1 $1 $2 $3'],
  [/^7(\d{3})(\d{3})(\d\d)(\d\d)$/, '+7 $1 $2-$3-$4'],
  [/^33(\d)(\d\d)(\d\d)(\d\d)(\d\d)$/, '+33 $1 $2 $3 $4 $5'],
  [/^44(20)(\d{4})(\d{4})$/, '+44 $1 $2 $3'],
  [/^44(\d{4})(\d{6})$/, '+44 $1 $2'],
  [/^49(1\d\d)(\d{7,8})$/, '+49 $1 $2'],
  [/^52(1?)(33|55|56|81)(\d{4})(\d{4})$/, '+52 $1 $2 $3 $4'],
  [/^52(1?)(\d{3})(\d{3})(\d{4})$/, '+52 $1 $2 $3 $4'],
  [/^54(9?)(11)(\d{4})(\d{4})$/, '+54 $1 $2 $3-$4'],
  [new RegExp(`^54(9?)(${AR_AREA_3})(\\d{3})(\\d{4})$`), '+54 $1 $2 $3-$4'],
  [/^54(9?)(\d{4})(\d\d)(\d{4})$/, '+54 $1 $2 $3-$4'],
  [/^55(\d\d)(\d{4,5})(\d{4})$/, '+55 $1 $2-$3'],
  [/^90(\d{3})(\d{3})(\d\d)(\d\d)$/, '+90 $1 $2 $3 $4'],
  [/^91([6-9]\d{4})(\d{5})$/, '+91 $1 $2'],
  [/^91(\d\d)(\d{4})(\d{4})$/, '+91 $1 $2 $3'],
  [/^(966|971)(\d{1,2})(\d{3})(\d{4})$/, '+$1 $2 $3 $4'],
]

/** Digits as a person reads them, such as `+55 11 98765-4321`; unknown countries in threes. */
export function showPhone(digits: string): string {
  const style = STYLES.find(([pattern]) => pattern.test(digits))
  if (style) return digits.replace(...style).replace(/ +/g, ' ')
  const code = countryCode(digits)
  return `+${code} ${inGroups(digits.slice(code.length))}`.trim()
}

/** Threes, or fours where eight digits are left; the last group never has a single digit. */
const inGroups = (national: string): string =>
  national.length === 8
    ? national.replace(/^\d{4}/, '$& ')
    : national.replace(/\d{3}(?=\d{3,}$|\d{2}$)/g, '$& ')
