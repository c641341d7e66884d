import { fold } from '../src/contacts/fold.ts'
import { normalisePhone, phoneMatch, showPhone } from '../src/contacts/phone.ts'

describe('phone numbers', () => {
  test.each([
    ['+55 11 98765-4321', '5511987654321'],
    ['55 (11) 98765.4321', '5511987654321'],
    ['0055 11 98765 4321', '5511987654321'],
    ['tel:+1-415-555-0100', '14155550100'],
    ['+44 (0)20 7946 0958', '442079460958'],
    ['+٩٧١ ٥٠ ٥٥٥ ٠١٨٢', '971505550182'],
    ['+९१ ९८७६५ ४३२१०', '919876543210'],
    ['\u202a+971\u00a050 555 0182\u202c', '971505550182'],
    ['5215512345678', '5215512345678'],
  ])('%s is %s', (text, digits) => {
    expect(normalisePhone(text)).toBe(digits)
  })

  test.each(['', 'Maria', '12', '0171 2345678', '+1234567890123456', '+1 415 555 ext 2', '++1415'])(
    '“%s” is no international number',
    (text) => {
      expect(normalisePhone(text)).toBeUndefined()
    },
  )

  test.each([
    ['Brazil, mobile with and without the 9', ['5511987654321', '551187654321']],
    ['Brazil, far from São Paulo', ['5592981234567', '559281234567']],
    ['Mexico', ['5215512345678', '525512345678']],
    [
      'Argentina, Buenos Aires',
      ['5491112345678', '541112345678', '54111512345678', '549111512345678'],
    ],
    ['Argentina, three-digit area', ['5493511234567', '543511234567', '54351151234567']],
    ['Argentina, four-digit area', ['5492901123456', '542901123456', '54290115123456']],
  ])('%s: all spellings are one person', (_country, spellings) => {
    expect(new Set(spellings.map(phoneMatch)).size).toBe(1)
  })

  test.each([
    ['a Brazilian landline and a mobile that ends in it', '551134567890', '5511934567890'],
    ['a Brazilian toll-free number and the same with a 9', '558001234567', '5580901234567'],
    ['two Mexican landlines', '525512345678', '523312345678'],
    ['a Mexican number and one of the United States', '525512345678', '15512345678'],
  ])('%s stay apart', (_what, one, other) => {
    expect(phoneMatch(one)).not.toBe(phoneMatch(other))
  })

  test('a key is its own key', () => {
    for (const digits of ['551187654321', '5215512345678', '54351151234567', '4915112345678']) {
      expect(phoneMatch(phoneMatch(digits))).toBe(phoneMatch(digits))
    }
  })

  test.each([
    ['5511987654321', '+55 11 98765-4321'],
    ['551187654321', '+55 11 8765-4321'],
    ['5491112345678', '+54 9 11 1234-5678'],
    ['525555550134', '+52 55 5555 0134'],
    ['528331234567', '+52 833 123 4567'],
    ['14155550100', '+1 415 555 0100'],
    ['971505550182', '+971 50 555 0182'],
    ['97145550171', '+971 4 555 0171'],
    ['2348035550119', '+234 803 555 0119'],
    ['919876543210', '+91 98765 43210'],
    ['912245550171', '+91 22 4555 0171'],
    ['85251234567', '+852 5123 4567'],
    ['48512345678', '+48 512 345 678'],
  ])('%s is shown as %s', (digits, shown) => {
    expect(showPhone(digits)).toBe(shown)
  })
})

test.each([
  ['Valentina Hernández', 'valentina hernandez'],
  ['  ÁRVÍZ   tűrő ', 'arviz turo'],
  ['Straße Łódź Ørsted', 'strasse lodz orsted'],
  ['أحمد', 'احمد'],
  ['مُحَمَّد', 'محمد'],
  ['क़लम', 'कलम'],
  ['ＡＢＣ', 'abc'],
  ['Zo\u200be', 'zoe'],
])('“%s” is searched as “%s”', (text, folded) => {
  expect(fold(text)).toBe(folded)
})

test('fold keeps vowel signs that make other words', () => {
  expect(fold('कि')).not.toBe(fold('का'))
})
