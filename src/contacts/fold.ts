/**
 * Marks that a searcher leaves out: accents, Arabic and Hebrew vowel signs, the nukta of Indic
 * scripts. Vowel signs of Indic scripts stay, because without them other words would match.
 */
const MARKS =
  /\p{Script=Inherited}|\p{M}(?<=\p{Script=Hebrew}|\p{Script=Arabic})|\u0640|\u093c|\u09bc|\u0a3c|\u0abc/gu

/** Letters that decomposition leaves whole, as people type them without their keyboard. */
const LETTERS: Record<string, string> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ı: 'i',
  ى: 'ي',
  ة: 'ه',
}

/** Text as search compares it: without case, accents, letter variants and doubled spaces. */
export function fold(text: string): string {
  return text
    .normalize('NFKD')
    .toLowerCase()
    .replace(MARKS, '')
    .replace(/[ßæœøłđıىة]/g, (letter) => LETTERS[letter] ?? letter)
    .normalize('NFC')
    .replace(/[\p{Cf}\s]+/gu, (gap) => (/\s/.test(gap) ? ' ' : ''))
    .trim()
}
