import { z } from 'zod'
import { AGAIN } from '../audit/actions.ts'

/** Up to `max` characters as WhatsApp counts them, not halves of surrogate pairs. */
export const text = (max: number): z.ZodString =>
  z
    .string()
    .refine((value) => Array.from(value).length <= max, `may have at most ${max} characters`)
    .meta({ maxLength: max })

/** The same with something to read in it. */
export const filled = (max: number): z.ZodString =>
  text(max).regex(/\S/, 'is empty').meta({ maxLength: max })

/** Only for somebody who was erased: how they contacted the organization again. */
export const again = z.enum(AGAIN).optional().meta({
  description:
    'How a person who had asked to be erased contacted you again; without it they are refused with 409 erased. Recorded.',
})

export const link = z
  .url({ protocol: /^https?$/, message: 'must be an http or https address' })
  .max(2_048)
