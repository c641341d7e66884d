import type { Template } from './templates.ts'

/** Why a template is not sent: the word it is kept under with the message, and a sentence for whoever sends. */
export type Stop = { code: string; sentence: string }
type Standing = Pick<Template, 'status' | 'gone_at'>

const STOPS = {
  paused: {
    code: 'template_paused',
    sentence: 'Meta has paused this template because of its quality. Choose another one.',
  },
  off: {
    code: 'template_disabled',
    sentence: 'Meta has switched this template off. Choose another one.',
  },
  rejected: {
    code: 'template_rejected',
    sentence: 'Meta has rejected this template. Choose another one.',
  },
  gone: {
    code: 'template_gone',
    sentence: 'This template is not at Meta any more. Choose another one.',
  },
} as const

const BY_STATUS: Readonly<Record<string, Stop>> = {
  PAUSED: STOPS.paused,
  DISABLED: STOPS.off,
  ARCHIVED: STOPS.off,
  REJECTED: STOPS.rejected,
  DELETED: STOPS.gone,
}

/**
 * What keeps a template from being sent for certain. About the rest WhatsApp decides: one that is looked at again after
 * an edit may still be sent. Source: WhatsApp Business Management API, template status.
 */
export const stopOf = ({ status, gone_at }: Standing): Stop | undefined =>
  gone_at ? STOPS.gone : BY_STATUS[status ?? '']

const OFFERED = new Set(['APPROVED', 'REINSTATED', 'FLAGGED', 'UNLOCKED', 'UNARCHIVED'])

/** Whether a person is offered it: Meta has approved it, and nothing was said against it since. */
export const isOffered = ({ status, gone_at }: Standing): boolean =>
  gone_at === null && OFFERED.has(status ?? '')
