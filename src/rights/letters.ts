import type { Letter } from '../ops/mail.ts'
import type { Resources } from '../resources.ts'
import { receiptCode } from './numbers.ts'
import type { PrivacyRequest } from './request.ts'

export const receiptLink = (on: Resources, id: string, known?: Buffer): string =>
  `${on.config.APP_URL}/privacy/requests/${receiptCode(on, id, known)}`

export const paragraphs = (...texts: string[]): string => `${texts.join('\n\n')}\n`
const day = (at: Date): string => at.toISOString().slice(0, 10)

type Received = { id: string; number: string; due: Date; to: string }

/** To whoever asked, once: what it is called, by when it is answered, and where to follow it. */
export const receivedMail = (on: Resources, { id, number, due, to }: Received): Letter => ({
  to,
  kind: 'rights',
  subject: `Your request ${number} has reached us`,
  text: paragraphs(
    `Your request about personal data has reached us. We call it ${number} and answer it by ${day(due)} at the latest.`,
    `How far it is, at any time: ${receiptLink(on, id)}`,
    'It costs you nothing. If it was not you who asked, do nothing: nobody is told anything, and nothing is changed, before we are sure who asks.',
  ),
})

/** To whoever answers for privacy here. What was written is not in it: a mailbox keeps longer than we may. */
export const deskMail = (on: Resources, { id, number, due }: Omit<Received, 'to'>): Letter => ({
  to: on.config.PRIVACY_CONTACT,
  kind: 'rights',
  subject: `Privacy request ${number}`,
  text: paragraphs(
    `A privacy request came in: ${number}, to be answered by ${day(due)}.`,
    `Read and answer it: ${on.config.APP_URL}/ops/rights/${id}`,
  ),
})

/** What somebody decided, in their words, to the person it is for; GDPR 12(3) and 12(4) name what has to be in it. */
export function decisionText(
  on: Resources,
  request: PrivacyRequest,
  { what, words }: { what: 'extension' | 'refusal' | 'answer'; words: string },
): string {
  const { number, id, code_digest } = request
  const link = `How far it is, at any time: ${receiptLink(on, id, code_digest)}`
  const said = {
    extension: [
      `Your request ${number} takes longer than a month. We answer it by ${day(request.due_at)} at the latest. The reason:`,
      words,
    ],
    refusal: [`We do not carry out your request ${number}. The reason:`, words, REMEDY],
    answer: [`Your request ${number} is answered.`, words],
  }[what]
  return paragraphs(...said, link)
}

/** Source: GDPR 12(4). */
export const REMEDY =
  'If you think that this is wrong, you may complain to a data protection authority, in particular where you live, and you may go to court.'
