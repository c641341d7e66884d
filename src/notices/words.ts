import type { Reported } from './notices.ts'
import { accountWords } from './words-account.ts'
import { numberWords } from './words-number.ts'
import { templateWords } from './words-template.ts'

export type Tone = 'ok' | 'warn' | 'danger' | ''
/** A report in words: what happened, and what there is to know about it. */
export type Words = { tone: Tone; icon: string; title: string; detail: string }
export type Said = Pick<Reported, 'field' | 'event' | 'payload'>
/** Words for one kind of report, or undefined where an event of it is not known. */
export type Explain = (said: Said) => Words | undefined

const WORDS: Record<string, Explain> = { ...accountWords, ...numberWords, ...templateWords }

/** A report in words for people who look after the connection; what nobody has explained yet is named as such. */
export const explainNotice = (said: Said): Words =>
  WORDS[said.field]?.(said) ?? {
    tone: '',
    icon: 'info',
    title: 'A report that is not supported yet',
    detail: `Meta calls it ${said.event} of ${said.field}. It is kept.`,
  }
