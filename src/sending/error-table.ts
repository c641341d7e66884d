/**
 * What an error of the Graph API means for the message it answers.
 *
 * `retry`: not processed, tried again soon · `wait`: sent too fast, tried again later · `never`: the content must
 * change · `connection`: the number cannot send, so its messages are held · `template`: the template or its values ·
 * `window`: only a template may go · `recipient`: this person cannot get it · `unknown`: it may have been sent.
 */
export type ErrorClass =
  'retry' | 'wait' | 'never' | 'connection' | 'template' | 'window' | 'recipient' | 'unknown'

/** The one thing an agent is offered below a failed message. */
export type Action = 'retry' | 'template' | 'none' | 'admin'

export type Rule = {
  class: ErrorClass
  action: Action
  /** For the agent; `{name}` stands for the contact's name. */
  line: string
  /** Posts in all before a `retry` becomes a failure; 5 unless told. */
  tries?: number
  /** Least pause before the next try, in milliseconds. */
  pauseMs?: number
}

type Family = Rule & { codes: readonly (number | string)[] }

const MINUTE = 60_000
const TROUBLE = 'WhatsApp had a problem and did not take the message. Please try again.'
const TOO_FAST =
  'Too much was sent at once, and this message did not get its turn. Please try again.'

/**
 * Codes of WhatsApp's Cloud API by what we do about them; words are codes of our own, given without a Graph call.
 * A pair such as `100/33` is a code with a subcode and wins over the code alone.
 * Source: WhatsApp Cloud API, error codes.
 */
export const FAMILIES: readonly Family[] = [
  {
    codes: [2, 131016, 133004, 139103, 'unreachable'],
    class: 'retry',
    action: 'retry',
    line: TROUBLE,
  },
  { codes: [1], class: 'retry', action: 'retry', line: TROUBLE, tries: 3 },
  { codes: [131000], class: 'retry', action: 'retry', line: TROUBLE, tries: 4 },
  { codes: [4, 17, 32, 613, 80007, 80008, 130429], class: 'wait', action: 'retry', line: TOO_FAST },
  {
    codes: [131056],
    class: 'wait',
    action: 'retry',
    line: 'Many messages went to {name} in a short time. Please try again in a minute.',
  },
  {
    codes: [131057, '100/2494100', 2494100, 131208, 132069],
    class: 'wait',
    action: 'retry',
    line: 'WhatsApp is working on this number just now. Please try again in a few minutes.',
    pauseMs: MINUTE,
  },
  {
    codes: [131048, 131064],
    class: 'wait',
    action: 'admin',
    line: 'Meta slows this number down because people blocked or reported its messages.',
    pauseMs: 60 * MINUTE,
  },
  {
    codes: [133008, 133009, 133015, 133016, 134101, 136025],
    class: 'wait',
    action: 'admin',
    line: 'Meta wants a pause before this number is set up again.',
    pauseMs: 10 * MINUTE,
  },
  {
    codes: [0, 102, 104, 190, 'credentials'],
    class: 'connection',
    action: 'admin',
    line: 'Meta does not accept the access of this number any more. An admin has to renew it.',
  },
  {
    codes: [3, 10, 33, '100/33', 803, 131005],
    class: 'connection',
    action: 'admin',
    line: 'This number lacks a permission at Meta. An admin has to restore it.',
  },
  {
    codes: [368, 131031],
    class: 'connection',
    action: 'admin',
    line: 'Meta has locked this number for now. An admin finds the reason in the account.',
  },
  {
    codes: [131042],
    class: 'connection',
    action: 'admin',
    line: 'Meta has a payment problem with this account. An admin has to settle it there.',
  },
  {
    codes: [131037],
    class: 'connection',
    action: 'admin',
    line: 'Meta has not approved the display name of this number yet.',
  },
  {
    codes: [131045, 133010],
    class: 'connection',
    action: 'admin',
    line: 'This number is not registered with WhatsApp. An admin has to register it.',
  },
  {
    codes: [131047, 'window_closed'],
    class: 'window',
    action: 'template',
    line: '{name} last wrote more than 24 hours ago. Only a template can be sent now.',
  },
  {
    codes: [131026],
    class: 'recipient',
    action: 'retry',
    line: 'WhatsApp could not reach {name}: perhaps not on WhatsApp, or with an app that is too old.',
  },
  {
    codes: [131049],
    class: 'recipient',
    action: 'none',
    line: 'WhatsApp limits how much marketing {name} gets and kept this back. Wait at least a day.',
  },
  {
    codes: [131050],
    class: 'recipient',
    action: 'none',
    line: '{name} has switched off marketing messages from you.',
  },
  {
    codes: [130472],
    class: 'recipient',
    action: 'none',
    line: 'Meta left {name} out of this marketing message for a test. It must not be repeated.',
  },
  {
    codes: [131062],
    class: 'recipient',
    action: 'none',
    line: 'A login code needs a phone number, and {name} does not show one.',
  },
  {
    codes: [131021],
    class: 'recipient',
    action: 'none',
    line: 'This is the number you send from. WhatsApp does not deliver to it.',
  },
  {
    codes: [130497],
    class: 'recipient',
    action: 'none',
    line: 'Meta does not let your business write to the country of {name}.',
  },
  {
    codes: [137000],
    class: 'recipient',
    action: 'none',
    line: 'The WhatsApp account of {name} has changed. Make sure who it is before you go on.',
  },
  {
    codes: [131043, 'expired'],
    class: 'recipient',
    action: 'retry',
    line: '{name} was not reached before the message ran out of time.',
  },
  {
    codes: ['not_uploaded'],
    class: 'retry',
    action: 'retry',
    line: 'WhatsApp could not be given the file.',
  },
  {
    codes: ['no_recipient'],
    class: 'recipient',
    action: 'none',
    line: '{name} has neither a phone number nor a WhatsApp id to send to.',
  },
  {
    codes: ['contact_restricted'],
    class: 'recipient',
    action: 'none',
    line: 'Not sent: {name} asked that their data be restricted.',
  },
  {
    codes: ['no_marketing'],
    class: 'recipient',
    action: 'none',
    line: 'Not sent: {name} objected to marketing.',
  },
  {
    codes: ['no_automation'],
    class: 'recipient',
    action: 'none',
    line: 'Not sent: {name} wants people to write to them, not programs.',
  },
  {
    codes: [131030],
    class: 'never',
    action: 'admin',
    line: 'This is a test number, and {name} is not on its list of recipients.',
  },
  {
    codes: [131052, 131053],
    class: 'never',
    action: 'none',
    line: 'WhatsApp did not take the file. Its kind or its size does not fit.',
  },
  {
    codes: [131051],
    class: 'never',
    action: 'none',
    line: 'WhatsApp does not know this kind of message.',
  },
  {
    codes: [
      100, 506, 131008, 131009, 131020, 131041, 131055, 131059, 133000, 133005, 133006, 134011,
      135000, 136024, 139100, 139101, 139102,
    ],
    class: 'never',
    action: 'none',
    line: 'WhatsApp refused the message because something in it is not valid.',
  },
  {
    codes: [132000, 132005, 132007, 132008, 132012, 132018],
    class: 'template',
    action: 'template',
    line: 'The template and its values do not fit. Values have no line breaks or tabs and may not be too long.',
  },
  {
    codes: [132001, 'template_gone'],
    class: 'template',
    action: 'template',
    line: 'There is no approved template of this name in this language.',
  },
  {
    codes: [132015, 'template_paused'],
    class: 'template',
    action: 'template',
    line: 'Meta has paused this template. Please choose another one.',
  },
  {
    codes: [132016, 'template_disabled'],
    class: 'template',
    action: 'template',
    line: 'Meta has switched this template off. Please choose another one.',
  },
  {
    codes: ['template_rejected'],
    class: 'template',
    action: 'template',
    line: 'Meta has rejected this template. Please choose another one.',
  },
  {
    codes: [131063, 132068, 134100, 134102],
    class: 'template',
    action: 'template',
    line: 'Meta does not let this template go out this way. Please choose another one.',
  },
]
