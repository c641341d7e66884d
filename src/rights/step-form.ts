import { z } from 'zod'
import type { Resources } from '../resources.ts'
import { checkCode, sendCode } from './challenge.ts'
import { answer, extend, refuse } from './decide.ts'
import { pause, resume, verify, withdraw, type At } from './desk.ts'
import { OUTCOMES, PROOFS, REFUSALS, type RefusalReason } from './vocabulary.ts'

const REASONS = Object.keys(REFUSALS) as [RefusalReason, ...RefusalReason[]]
const told = {
  words: z.string('Write what the person is told.').trim(),
  told: z.literal('1').optional(),
}

/** What whoever answers a request may do with it, one at a time. */
export const StepForm = z.discriminatedUnion(
  'step',
  [
    z.object({ step: z.literal('verify'), how: z.enum(PROOFS, 'Say how you made sure.') }),
    z.object({ step: z.literal('pause') }),
    z.object({ step: z.literal('resume') }),
    z.object({ step: z.literal('extend'), ...told }),
    z.object({
      step: z.literal('refuse'),
      reason: z.enum(REASONS, 'Choose the reason.'),
      ...told,
    }),
    z.object({
      step: z.literal('answer'),
      outcome: z.enum(OUTCOMES, 'Choose what was done.'),
      ...told,
    }),
    z.object({ step: z.literal('withdraw') }),
    z.object({ step: z.literal('send_code') }),
    z.object({
      step: z.literal('check_code'),
      code: z
        .string()
        .trim()
        .regex(/^\d{6}$/, 'Enter the six digits.'),
    }),
  ],
  'This is nothing that can be done with a request.',
)
export type StepForm = z.infer<typeof StepForm>

/** Does it. Throws Refusal as the act itself does. */
export async function takeStep(
  on: Resources,
  at: At,
  form: StepForm,
  orgName: string,
): Promise<void> {
  switch (form.step) {
    case 'verify':
      return verify(on, at, form.how)
    case 'pause':
      return pause(on, at)
    case 'resume':
      return resume(on, at)
    case 'extend':
      return extend(on, at, saidIn(form))
    case 'refuse':
      return refuse(on, at, { ...saidIn(form), reason: form.reason })
    case 'answer':
      return answer(on, at, { ...saidIn(form), outcome: form.outcome })
    case 'withdraw':
      return withdraw(on, at)
    case 'send_code':
      return sendCode(on, at, orgName)
    case 'check_code':
      return checkCode(on, at, form.code)
  }
}

const saidIn = ({ words, told: isTold }: { words: string; told?: '1' | undefined }) => ({
  words,
  isTold: isTold === '1',
})
