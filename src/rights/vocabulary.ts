/** The rights of privacy policy §7, and a question about them. */
export const KINDS = [
  'access',
  'correct',
  'erase',
  'restrict',
  'object',
  'export',
  'question',
] as const
export type Kind = (typeof KINDS)[number]

/** `waiting`: the clock is paused until the person answers what was asked for. */
export type State = 'open' | 'waiting' | 'done' | 'refused' | 'withdrawn'

/** How it reached us. */
export const ROADS = ['mail', 'letter', 'phone', 'person'] as const
export type Road = (typeof ROADS)[number] | 'self' | 'form' | 'chat'

/**
 * How it was made sure who asks: signed in with the password entered lately, by writing from the very WhatsApp
 * account, by a code sent to the number on file, by a link mailed to the address of the account, known to whoever
 * answers, by a document where nothing else works, or acting for somebody with a mandate.
 */
export const PROOFS = ['code', 'link', 'known', 'document', 'mandate'] as const
export type Proof = (typeof PROOFS)[number] | 'login' | 'chat'

/** Why a request is refused. Source: GDPR 12(2), 12(5), 15(4), 17(3). */
export const REFUSALS = {
  identity: 'We could not make sure that the data are yours.',
  excessive: 'The request is manifestly excessive, because it repeats earlier ones.',
  unfounded: 'The request is manifestly unfounded.',
  duty: 'A legal duty, or the defence of a claim, makes us keep the data.',
  others: 'It would reveal data of other people.',
  nothing: 'We hold no data about you.',
} as const
export type RefusalReason = keyof typeof REFUSALS

export const OUTCOMES = [
  'answered',
  'corrected',
  'erased',
  'restricted',
  'objected',
  'handed_over',
  'nothing_found',
] as const
export type Outcome = (typeof OUTCOMES)[number] | 'refused' | 'taken_back'

/** What happened to a request; the page of whoever asked shows the same words. */
export const STEPS = {
  opened: 'Received',
  verified: 'Made sure who asks',
  paused: 'Paused until we hear from you',
  resumed: 'Goes on',
  extended: 'Extended by two months, with the reason told',
  code_sent: 'Sent a code by WhatsApp',
  code_wrong: 'A code did not fit',
  code_over: 'The code ran out',
  code_right: 'Confirmed with the code',
  answered: 'Answered automatically',
  deleting: 'The deletion began',
  restricted: 'What was asked for is in force',
  refused: 'Refused, with the reason told',
  closed: 'Done',
  withdrawn: 'Taken back',
} as const
export type Step = keyof typeof STEPS

export const SAYS: Readonly<Record<Kind, string>> = {
  access: 'Access',
  correct: 'Correction',
  erase: 'Deletion',
  restrict: 'Restriction',
  object: 'Objection',
  export: 'Export',
  question: 'Question',
}
