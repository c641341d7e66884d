import { z } from 'zod'
import { Refusal } from '../refusal.ts'
import { maskSecrets } from './secrets.ts'

const text = z
  .string('Write what you want to say.')
  .trim()
  .min(1, 'Write what you want to say.')
  .max(10_000, 'Use at most 10,000 characters.')

/** What every message of a ticket comes with. */
export const MessageForm = z.object({
  token: z.uuid('Open the page again and send once more.'),
  text,
})

/** A subject stands on one line. */
export const TicketForm = MessageForm.extend({
  subject: z
    .string('Enter what it is about.')
    .transform((given) => given.replace(/\s+/g, ' ').trim())
    .pipe(z.string().min(1, 'Enter what it is about.').max(150, 'Use at most 150 characters.')),
})

/** Fields with everything masked that looks like a secret, and how many places that were. */
export function masked<T extends object>(given: T): { values: T; found: number } {
  let found = 0
  const values = Object.entries(given).map(([name, value]: [string, unknown]) => {
    if (typeof value !== 'string' || name === 'token') return [name, value] as const
    const clean = maskSecrets(value)
    found += clean.found
    return [name, clean.text] as const
  })
  return { values: Object.fromEntries(values) as T, found }
}

/** Nobody who answers has to be trusted with a secret: the message comes back, to be read again and sent as it is now. */
export const maskedRefusal = (found: number): Refusal =>
  new Refusal(
    422,
    'masked',
    `${found === 1 ? 'Something looks' : `${found} places look`} like a password or key and ${found === 1 ? 'is' : 'are'} masked below. We never need one. Read it again, then send it.`,
  )
