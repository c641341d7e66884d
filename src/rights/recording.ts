import { z } from 'zod'
import { ROADS } from './vocabulary.ts'

const WORDS: Readonly<Record<(typeof ROADS)[number], string>> = {
  mail: 'By e-mail',
  letter: 'By letter',
  phone: 'On the telephone',
  person: 'In person',
}
export const roadOptions = (): [string, string][] => ROADS.map((road) => [road, WORDS[road]])

/**
 * When it really reached us, as a browser's field gives it, in UTC; a day alone is its first moment, because a clock that
 * starts too early harms nobody. That it is not still to come is looked at where the request is opened.
 */
export const receivedField = z
  .string('Enter when it reached you.')
  .trim()
  .regex(/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?)?$/, 'Enter a day and a time.')
  .transform((text) => new Date(text.length === 10 ? `${text}T00:00Z` : `${text}Z`))
  .refine((at) => !Number.isNaN(at.getTime()), 'Enter a day and a time.')
