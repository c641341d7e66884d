import { z } from 'zod'
import type { Answer } from '../egress-request.ts'
import { withoutTokens, type Secret } from '../secret.ts'
import type { Check } from './verdict.ts'

/** Why the Graph API gave no answer to a question: it refused, or nobody knows what it would have said. */
export type Failure = Pick<Check, 'code' | 'said'> & { outcome: 'refused' | 'unreachable' }

const SAID_MAX = 300
const text = z.string().optional().catch(undefined)
const number = z.number().optional().catch(undefined)
const GraphError = z.object({
  error: z.object({
    message: text,
    code: number,
    error_subcode: number,
    /** For people, in plain words; where it is given it says more than the message. */
    error_user_msg: text,
  }),
})

/** What the Graph API answered, in the shape that was asked for; Meta's words of a refusal without the token. */
export function readGraph<T extends object>(
  schema: z.ZodType<T>,
  answer: Answer,
  token: Secret,
): T | Failure {
  if (answer.outcome !== 'answered')
    return { outcome: 'unreachable', code: answer.reason, said: null }
  const json = parse(answer.body)
  const refused = GraphError.safeParse(json)
  if (refused.success) {
    const { code, error_subcode, message, error_user_msg } = refused.data.error
    const codes = [code, error_subcode].filter((part) => part !== undefined).join('/')
    return {
      outcome: 'refused',
      code: codes || null,
      said: clean(error_user_msg ?? message, token),
    }
  }
  const found = schema.safeParse(json)
  if (answer.status < 300 && found.success) return found.data
  return { outcome: 'unreachable', code: `http_${answer.status}`, said: null }
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

/** Errors of Meta may quote the request, so the token is taken out before the words are kept and shown. */
export const clean = (words: string | undefined, token: Secret): string | null =>
  (words &&
    withoutTokens(words.replaceAll(token.reveal('mask'), '…'))
      .replace(/\p{Cc}+/gu, ' ')
      .toWellFormed()
      .slice(0, SAID_MAX)) ??
  null
