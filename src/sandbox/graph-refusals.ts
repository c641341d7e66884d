import { randomBytes } from 'node:crypto'

type Code = { status: number; code: number; subcode?: number | undefined }

/** A Graph call that is refused: the HTTP status and the error object Meta would answer with. */
export class GraphRefusal extends Error {
  readonly status: number
  readonly code: number
  readonly subcode: number | undefined
  readonly details: string
  /** For people, as the management of templates says it. */
  readonly said: string | undefined

  constructor({ status, code, subcode }: Code, title: string, details: string, said?: string) {
    super(title)
    this.status = status
    this.code = code
    this.subcode = subcode
    this.details = details
    this.said = said
  }
}

/** The body of a refusal. Source: Cloud API, error codes; Graph API, handling errors. */
export const bodyOf = (refusal: GraphRefusal): object => ({
  error: {
    message: `(#${refusal.code}) ${refusal.message}`,
    type: 'OAuthException',
    code: refusal.code,
    ...(refusal.subcode === undefined ? {} : { error_subcode: refusal.subcode }),
    ...(refusal.said === undefined
      ? {}
      : { error_user_title: refusal.message, error_user_msg: refusal.said }),
    error_data: { messaging_product: 'whatsapp', details: refusal.details },
    fbtrace_id: `A${randomBytes(8).toString('base64url')}`,
  },
})

export const badToken = (details: string, subcode?: number): GraphRefusal =>
  new GraphRefusal({ status: 401, code: 190, subcode }, 'Invalid OAuth access token', details)

export const unknownObject = (): GraphRefusal =>
  new GraphRefusal(
    { status: 400, code: 100, subcode: 33 },
    'Invalid parameter',
    'There is no such object, or this token may not see it.',
  )

export const badParameter = (details: string): GraphRefusal =>
  new GraphRefusal({ status: 400, code: 100 }, 'Invalid parameter', details)

export const missing = (name: string): GraphRefusal =>
  new GraphRefusal(
    { status: 400, code: 131_008 },
    'Required parameter is missing',
    `Parameter ${name} is missing.`,
  )

export const badValue = (details: string): GraphRefusal =>
  new GraphRefusal({ status: 400, code: 131_009 }, 'Parameter value is not valid', details)

export const windowClosed = (): GraphRefusal =>
  new GraphRefusal(
    { status: 400, code: 131_047 },
    'Re-engagement message',
    'The customer wrote last more than 24 hours ago; only a template may be sent.',
  )

export const undeliverable = (): GraphRefusal =>
  new GraphRefusal(
    { status: 400, code: 131_026 },
    'Message undeliverable',
    'The recipient cannot be reached: not on WhatsApp, or an old version of it.',
  )

export const noTemplate = (): GraphRefusal =>
  new GraphRefusal(
    { status: 404, code: 132_001 },
    'Template name does not exist in the translation',
    'This account has no approved template of that name and language.',
  )

export const templatePaused = (): GraphRefusal =>
  new GraphRefusal(
    { status: 400, code: 132_015 },
    'Template is paused',
    'The template is paused because of its quality and cannot be sent now.',
  )

export const templateOff = (): GraphRefusal =>
  new GraphRefusal(
    { status: 400, code: 132_016 },
    'Template is disabled',
    'The template was paused too often and is switched off for good.',
  )

/** A template that Meta does not take, with its sentence for people. */
export const templateRefused = (subcode: number, said: string): GraphRefusal =>
  new GraphRefusal({ status: 400, code: 100, subcode }, 'Invalid parameter', said, said)

/** Values that a template does not take. */
export const unfitting = (code: number, details: string): GraphRefusal =>
  new GraphRefusal({ status: 400, code }, 'Template parameters do not match', details)

/** What the switch "answer the next send with" can ask for. */
export const CHOSEN: Record<string, () => GraphRefusal> = {
  '131026': undeliverable,
  '131056': () =>
    new GraphRefusal(
      { status: 400, code: 131_056 },
      'Pair rate limit hit',
      'Too many messages to this recipient in a short time.',
    ),
  '130429': () =>
    new GraphRefusal(
      { status: 400, code: 130_429 },
      'Rate limit hit',
      'Too many messages from this number.',
    ),
  '500': () =>
    new GraphRefusal({ status: 500, code: 131_000 }, 'Something went wrong', 'Unknown error.'),
}
