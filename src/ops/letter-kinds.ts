/** What somebody may refuse, each by itself. */
export type Topic = 'features' | 'tips' | 'surveys'

/** Why a letter comes although nobody asked whether it is wanted. The list is closed. */
export type Need =
  | 'asked_for'
  | 'security'
  | 'policy'
  | 'deletion'
  | 'outage'
  | 'breach'
  | 'disclosure'
  | 'operation'

/** Essential letters reach everybody they concern; optional ones carry a way out, and stop the moment it is taken. */
export type LetterClass = { essential: Need } | { optional: Topic }

/**
 * Every letter the product can write, with its class: `queueMail` takes no other kind, and where a letter is used has no
 * say in what it is. Source: privacy policy §3, "to communicate with you about service updates"; promise P21.
 */
export const LETTERS = {
  sign_up: { essential: 'asked_for' },
  sign_up_taken: { essential: 'asked_for' },
  password_reset: { essential: 'asked_for' },
  invitation: { essential: 'asked_for' },
  second_factor: { essential: 'security' },
  deletion: { essential: 'deletion' },
  rights: { essential: 'asked_for' },
  withheld: { essential: 'operation' },
  email_change: { essential: 'asked_for' },
  email_changed: { essential: 'security' },
  support: { essential: 'asked_for' },
  disclosure: { essential: 'disclosure' },
  alarm: { essential: 'operation' },
  processor: { essential: 'policy' },
  announcement_outage: { essential: 'outage' },
  announcement_security: { essential: 'security' },
  announcement_policy: { essential: 'policy' },
  announcement_incident: { essential: 'breach' },
  announcement_features: { optional: 'features' },
  announcement_tips: { optional: 'tips' },
  announcement_surveys: { optional: 'surveys' },
} as const satisfies Record<string, LetterClass>

export type LetterKind = keyof typeof LETTERS

export const TOPICS = ['features', 'tips', 'surveys'] as const satisfies readonly Topic[]

export const isTopic = (text: unknown): text is Topic => TOPICS.some((topic) => topic === text)

/** What a letter of this kind can be refused as; undefined for an essential one, and for one of an earlier release. */
export function topicOf(kind: string): Topic | undefined {
  const letter = (LETTERS as Partial<Record<string, LetterClass>>)[kind]
  return letter && 'optional' in letter ? letter.optional : undefined
}
