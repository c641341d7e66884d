import { randomBytes, randomInt } from 'node:crypto'
import type { Person } from './state.ts'

/** Where an invented customer may live: the dialling code, the country of the user id, the language. */
export const PLACES = {
  Brazil: { dial: '5511', country: 'BR', lang: 'pt', digits: 9 },
  Germany: { dial: '49151', country: 'DE', lang: 'de', digits: 8 },
  India: { dial: '9198', country: 'IN', lang: 'hi', digits: 8 },
  Mexico: { dial: '52155', country: 'MX', lang: 'es', digits: 8 },
  Nigeria: { dial: '23480', country: 'NG', lang: 'en', digits: 8 },
  'United Arab Emirates': { dial: '97150', country: 'AE', lang: 'ar', digits: 7 },
  'United Kingdom': { dial: '447700900', country: 'GB', lang: 'en', digits: 3 },
} as const
export type Place = keyof typeof PLACES
export const PLACE_NAMES = Object.keys(PLACES) as Place[]

/** A phone with an empty chat. Its number is made up; with a `username` it is hidden from the business. */
export function newPerson(name: string, place: Place, username?: string): Person {
  const { dial, country, lang, digits } = PLACES[place]
  const number = Array.from({ length: digits }, () => randomInt(10)).join('')
  return {
    id: randomBytes(6).toString('hex'),
    name,
    place,
    lang,
    phone: dial + number,
    userId: `${country}.${BigInt(`0x${randomBytes(7).toString('hex')}`)}`,
    ...(username === undefined ? {} : { username }),
    hidden: username !== undefined,
    online: true,
    receipts: true,
    windowUntil: 0,
    seenAt: 0,
    chat: [],
  }
}

/** The first customers of a business that begins with an empty inbox. */
export const firstPeople = (): Person[] => [
  newPerson('Lupita Robles', 'Mexico'),
  newPerson('عائشة الفلاسي', 'United Arab Emirates'),
  newPerson('Noor', 'India', 'noor.designs'),
]
