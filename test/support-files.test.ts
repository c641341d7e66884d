import { checkFiles } from '../src/support/files.ts'
import { maskSecrets } from '../src/support/secrets.ts'
import { PNG } from './support/uploads.ts'

describe('a file in a ticket', () => {
  test.each([
    ['a picture', 'bird.png', PNG, 'image/png'],
    ['another picture', 'bird.jpg', Buffer.from('ffd8ffe000104a464946', 'hex'), 'image/jpeg'],
    ['a document', 'bird', Buffer.from('%PDF-1.7\n'), 'application/pdf'],
    ['lines of text', 'log.txt', Buffer.from('12:00 Überraschung\r\n\t→ 503\n'), 'text/plain'],
    ['markup, which is text and is saved as such', 'a.html', Buffer.from('<b>x</b>'), 'text/plain'],
  ])('is %s by its bytes, whatever it is called', (_what, name, bytes, mime) => {
    expect(checkFiles([{ name, bytes }])).toEqual([{ name, bytes, mime }])
  })

  test.each([
    ['a program', 'run.png', Buffer.from('4d5a9000', 'hex'), /no picture/],
    ['bytes that are no text', 'notes.txt', Buffer.from([0x61, 0x00, 0x62]), /no picture/],
    ['text in no known alphabet', 'notes.txt', Buffer.from([0xc3, 0x28]), /no picture/],
    ['too much', 'big.png', Buffer.concat([PNG, Buffer.alloc(2_097_152)]), /larger than 2 MB/],
    ['nothing', 'empty.txt', Buffer.alloc(0), /is empty/],
  ])('is refused when it is %s', (_what, name, bytes, why) => {
    expect(() => checkFiles([{ name, bytes }])).toThrow(why)
  })

  test('comes with two others at most, and without its folder or characters that nobody sees', () => {
    const given = (name: string) => ({ name, bytes: PNG })
    expect(() => checkFiles(['1', '2', '3', '4'].map(given))).toThrow(/at most 3/)
    const names = checkFiles([
      given('C:\\me\\a\u202Egnp.exe'),
      given('../../etc/passwd'),
      given('/'),
    ])
    expect(names.map(({ name }) => name)).toEqual(['agnp.exe', 'passwd', 'file'])
  })
})

test.each([
  ['password: hunter2!', 'password: [masked]'],
  ['Passwort=geheim, danke', 'Passwort=[masked] danke'],
  ['Authorization: Bearer abcdefgh12345678', 'Authorization: Bearer [masked]'],
  ['token EAABsbCS1iHgBO7ZA0pJ9', 'token [masked]'],
  ['key cf_0123456789abcdefXYZ', 'key [masked]'],
  ['0123456789abcdef0123456789abcdef', '[masked]'],
  ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4', '[masked]'],
  ['My number is +1 555 0100, order 20261124-77', 'My number is +1 555 0100, order 20261124-77'],
  ['id 01a22f01-57a9-77fe-b99f-a839b42d4cdf', 'id 01a22f01-57a9-77fe-b99f-a839b42d4cdf'],
  [
    'https://shop.example/a/very/long/path/that/is/no/secret',
    'https://shop.example/a/very/long/path/that/is/no/secret',
  ],
])('%s is sent as %s', (given, clean) => {
  expect(maskSecrets(given).text).toBe(clean)
  expect(maskSecrets(clean)).toEqual({ text: clean, found: 0 })
})
