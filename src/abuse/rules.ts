/**
 * Slowed down for minutes; asked for the password or a code again; paused for a day; paused for a day and put before a
 * person. Nothing lasts longer, and nothing is final, without a person's decision.
 */
export type Measure = 'slow' | 'ask' | 'pause' | 'review'

export type Rule =
  | 'sign_in_tries'
  | 'network_tries'
  | 'new_network'
  | 'request_pace'
  | 'first_messages'
  | 'failed_messages'
  | 'rejected_templates'
  | 'export_bursts'

type Terms = {
  /** What is counted, for everybody to read before and after the limit. */
  says: string
  limit: number
  minutes: number
  /** What follows the first, second and each later time within a day. */
  ladder: readonly Measure[]
}

const SENDING = ['slow', 'slow', 'pause'] as const

/** Every rule against abuse with its limit. They are no secret: /trust shows this table. Source: privacy promise P23. */
export const RULES: Readonly<Record<Rule, Terms>> = {
  sign_in_tries: {
    says: 'tries to sign in to one account that fail',
    limit: 5,
    minutes: 15,
    ladder: ['slow'],
  },
  network_tries: {
    says: 'tries to sign in from one network that fail',
    limit: 100,
    minutes: 60,
    ladder: ['slow'],
  },
  new_network: {
    says: 'failed tries before somebody signs in from a network they did not use before',
    limit: 3,
    minutes: 60,
    ladder: ['ask'],
  },
  request_pace: {
    says: 'requests of one person',
    limit: 1_200,
    minutes: 1,
    ladder: ['slow', 'ask'],
  },
  // A shop's list of customers fits; somebody who tries out numbers does not.
  first_messages: {
    says: 'first messages to people who never wrote',
    limit: 100,
    minutes: 10,
    ladder: SENDING,
  },
  failed_messages: {
    says: 'in 100 messages that WhatsApp does not deliver, from 50 messages on',
    limit: 50,
    minutes: 60,
    ladder: SENDING,
  },
  rejected_templates: {
    says: 'templates that WhatsApp rejects',
    limit: 5,
    minutes: 1_440,
    ladder: SENDING,
  },
  export_bursts: {
    says: 'exports one person asks for',
    limit: 10,
    minutes: 1_440,
    ladder: ['ask', 'pause'],
  },
}

/** "10 minutes", "24 hours". */
export const lengthOf = (minutes: number): string => {
  if (minutes === 1) return 'a minute'
  return minutes > 60 && minutes % 60 === 0 ? `${minutes / 60} hours` : `${minutes} minutes`
}

/** The rule in a line, as it is published. */
export const sayingOf = (rule: Rule): string => {
  const { says, limit, minutes } = RULES[rule]
  return `${limit.toLocaleString('en-GB')} ${says}, within ${lengthOf(minutes)}`
}
