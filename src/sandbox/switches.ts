import { z } from 'zod'

/** A JSON boolean, or what a checkbox of a form sends. */
const flag = z.union([z.boolean(), z.enum(['on', 'off']).transform((value) => value === 'on')])

const shape = {
  /** Deliver each webhook a second time, the same bytes. */
  twice: flag,
  /** Deliver what happens within a second in reverse. */
  shuffle: flag,
  /** Hold each webhook back this long. */
  delay_seconds: z.coerce.number().int().min(0).max(36_000),
  /** How many of the sent, delivered and read webhooks are lost. */
  drop_receipts: z.enum(['none', 'quarter', 'all']),
  /** Graph answers 190 to everything; webhooks go on. */
  token_revoked: flag,
  /** What the next send is answered with; one shot. `silence` is: taken, and then no answer. */
  next_answer: z.enum(['accepted', '131026', '131056', '130429', '500', 'silence']),
}

export const Switches = z.object(shape)
export type Switches = z.infer<typeof Switches>

/** Some of the switches, as a program sets them. */
export const SwitchPatch = z.object(shape).partial()

/** All of them, as the page's form sends them: an unchecked box is absent. */
export const SwitchForm = z.object({
  ...shape,
  twice: flag.default(false),
  shuffle: flag.default(false),
  token_revoked: flag.default(false),
})

export const NORMAL: Switches = {
  twice: false,
  shuffle: false,
  delay_seconds: 0,
  drop_receipts: 'none',
  token_revoked: false,
  next_answer: 'accepted',
}
