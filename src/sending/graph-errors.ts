import { cut } from '../messages/storable.ts'
import { withoutTokens } from '../secret.ts'
import { FAMILIES, type Action, type ErrorClass, type Rule } from './error-table.ts'

/** The Graph API's own words about a call; `code` decides, everything else is for people. */
export type GraphError = { code: string; subcode: string | null; title: string | null }

const RULES: ReadonlyMap<string, Rule> = new Map(
  FAMILIES.flatMap(({ codes, ...rule }) => codes.map((code) => [String(code), rule] as const)),
)
/** Only this range; 200005 and the like are other errors. Source: Graph API, permission errors. */
const isPermission = (code: string): boolean => /^2\d\d$/.test(code)

/** `code` may carry a subcode, as `100/33`. */
function known(code: string): Rule | undefined {
  const [alone = ''] = code.split('/')
  const rule = RULES.get(code) ?? RULES.get(alone)
  return rule ?? (isPermission(alone) ? RULES.get('10') : undefined)
}

/** The code with its subcode, as `190/463`. */
export const fullCode = ({ code, subcode }: GraphError): string =>
  subcode ? `${code}/${subcode}` : code

/** The rule for an error; a code that is not in the table goes by its HTTP status. */
export const ruleFor = (error: GraphError, status: number): Rule =>
  known(fullCode(error)) ?? { ...stranger(error.code, error.title), ...byStatus(status) }

/**
 * What the agent reads below a failed message, and the one thing they can do about it.
 * `code` is WhatsApp's number or a word of ours, `title` WhatsApp's wording, used where we have none.
 * `{name}` in the line stands for the contact's name.
 */
export function explain(
  code: string | null,
  title: string | null,
): { class: ErrorClass; line: string; action: Action } {
  const { class: kind, line, action } = (code && known(code)) || stranger(code, title)
  return { class: kind, line, action }
}

function stranger(code: string | null, title: string | null): Rule {
  const words = [title ?? 'WhatsApp gave no reason', code && `(${code})`].filter(Boolean).join(' ')
  return { class: 'never', action: 'retry', line: `The message was not sent: ${words}.` }
}

function byStatus(status: number): Pick<Rule, 'class' | 'tries'> {
  if (status === 429) return { class: 'wait' }
  if (status >= 500) return { class: 'retry', tries: 3 }
  return { class: status === 401 || status === 403 ? 'connection' : 'never' }
}

/** The error in an answer's body, or undefined where the body is not the Graph API's. */
export function readGraphError(body: Buffer): GraphError | undefined {
  const error = field(parse(body), 'error')
  if (typeof error !== 'object' || error === null) return undefined
  return {
    code: numeral(field(error, 'code')) ?? '',
    subcode: numeral(field(error, 'error_subcode')),
    title: titleOf(error),
  }
}

/** The wamid of an accepted message, or undefined when the answer does not carry one. */
export function readWamid(body: Buffer): string | undefined {
  const messages = field(parse(body), 'messages')
  const wamid = Array.isArray(messages) ? field(messages[0], 'id') : undefined
  return typeof wamid === 'string' && wamid !== '' ? wamid : undefined
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined

const numeral = (value: unknown): string | null =>
  /^\d{1,12}$/.test(String(value)) ? String(value) : null

/** Without the "(#131047)" in front, and without the token, which an error may quote; NUL and half characters would not go into the database. */
function titleOf(error: object): string | null {
  const text = field(error, 'error_user_title') ?? field(error, 'message')
  if (typeof text !== 'string') return null
  const clean = text.replace(/^\(#\d+\)\s*/, '').replace(/[\p{Cc}\p{Surrogate}]/gu, ' ')
  return cut(withoutTokens(clean.trim()), 200) || null
}
