import { z } from 'zod'

/** Up to `max` characters as WhatsApp counts them, not halves of surrogate pairs. */
export const text = (max: number): z.ZodString =>
  z
    .string()
    .refine((value) => Array.from(value).length <= max, `may have at most ${max} characters`)
    .meta({ maxLength: max })

/** The same with something to read in it. */
export const filled = (max: number): z.ZodString =>
  text(max).regex(/\S/, 'is empty').meta({ maxLength: max })

export const link = z
  .url({ protocol: /^https?$/, message: 'must be an http or https address' })
  .max(2_048)
