import { z } from 'zod'
import { isZone } from '../inbox/times.ts'

/** Where a preference holds: wherever the person is, or in the organization it was set in. */
export type Scope = 'person' | 'membership'

const zone = z.string().max(64).refine(isZone, 'This is no time zone, such as Europe/Berlin.')

/**
 * Every preference there is, with the values it may have; without one the product decides. The list is closed: another
 * key is refused, so nothing can be inferred into it. Source: promise P20, "declared keys".
 */
export const KEYS = {
  theme: { scope: 'person', value: z.enum(['light', 'dark']) },
  density: { scope: 'person', value: z.enum(['compact']) },
  formats: { scope: 'person', value: z.enum(['en-US', 'en-SE']) },
  zone: { scope: 'person', value: zone },
  start: {
    scope: 'membership',
    value: z.enum(['/inbox?view=mine', '/inbox?view=unassigned', '/contacts']),
  },
} as const satisfies Record<string, { scope: Scope; value: z.ZodType<string> }>

export type Key = keyof typeof KEYS
/** What a person chose; what is not here is as the product has it. */
export type Preferences = { [K in Key]?: z.infer<(typeof KEYS)[K]['value']> }

export const isKey = (text: string): text is Key => Object.hasOwn(KEYS, text)

/** The choices among stored values: a value that is none any more counts as not chosen. */
export function chosenIn(stored: Readonly<Record<string, unknown>>): Preferences {
  const good = Object.entries(stored).filter(
    ([key, value]) => isKey(key) && KEYS[key].value.safeParse(value).success,
  )
  return Object.fromEntries(good)
}
