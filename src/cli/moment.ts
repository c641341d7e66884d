import { z } from 'zod'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'

export const instant = z.iso
  .datetime({ offset: true })
  .or(z.iso.date())
  .transform((text) => new Date(text))

/** The moment a command is to act at, now unless told. Throws Refusal 422 for one to come in production. */
export function checkMoment(on: Resources, given: Date | undefined): Date {
  const now = on.now()
  if (given && on.config.NODE_ENV === 'production' && given > now)
    throw new Refusal(
      422,
      'future',
      'In production --now may not lie in the future: a mistyped year would remove everything.',
    )
  return given ?? now
}
