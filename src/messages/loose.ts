import { z } from 'zod'

/**
 * Fields as tolerant as WhatsApp is careless: one of the wrong type is left out instead of failing what it stands
 * in. Whatever is left out makes `covers` false, and then the original is kept sealed.
 */
export const text = z.string().optional().catch(undefined)
/** An id or a number in digits: text, or a number of JSON's. */
export const word = z.union([z.string(), z.number()]).transform(String).optional().catch(undefined)
export const number = z.union([z.number(), z.string()]).optional().catch(undefined)
export const flag = z.boolean().optional().catch(undefined)
export const some = <T extends z.ZodRawShape>(shape: T) =>
  z.object(shape).optional().catch(undefined)
export const many = <T extends z.ZodRawShape>(shape: T) =>
  z
    .array(z.object(shape).catch({} as never))
    .optional()
    .catch(undefined)
export const words = z.array(z.string()).optional().catch(undefined)

/** An error as WhatsApp describes one, wherever it stands. Source: WhatsApp Cloud API, error codes. */
export const errors = many({
  code: number,
  title: text,
  message: text,
  details: text,
  error_data: some({ details: text }),
  href: text,
})
