import { dayOf, joined, inside, plain, textOf, words } from './phrases.ts'
import type { Explain, Said, Tone, Words } from './words.ts'

/** What a template's state means, for reports and for its row. Source: WhatsApp Cloud API, template status. */
const STATES: Record<string, readonly [Tone, string]> = {
  APPROVED: ['ok', 'approved'],
  REJECTED: ['danger', 'rejected'],
  PENDING: ['', 'in review'],
  PAUSED: ['warn', 'paused'],
  DISABLED: ['danger', 'switched off'],
  FLAGGED: ['warn', 'flagged, may be switched off'],
  IN_APPEAL: ['', 'in appeal'],
  REINSTATED: ['ok', 'reinstated'],
  LIMIT_EXCEEDED: ['warn', 'not taken: too many templates'],
  LOCKED: ['warn', 'locked'],
  UNLOCKED: ['ok', 'unlocked'],
  ARCHIVED: ['', 'archived'],
  UNARCHIVED: ['ok', 'taken out of the archive'],
  PENDING_DELETION: ['warn', 'being deleted'],
  DELETED: ['', 'deleted'],
}
const QUALITIES: Record<string, readonly [Tone, string]> = {
  GREEN: ['ok', 'high'],
  YELLOW: ['warn', 'medium'],
  RED: ['danger', 'low'],
  UNKNOWN: ['', 'not known yet'],
}

export type Chip = { tone: Tone; text: string }
const chip = (table: typeof STATES, code: string | null): Chip | undefined => {
  if (!code) return undefined
  const [tone, text] = table[code.toUpperCase()] ?? ['', plain(code)]
  return { tone, text }
}
export const stateChip = (status: string | null): Chip | undefined => chip(STATES, status)
export const qualityChip = (quality: string | null): Chip | undefined => chip(QUALITIES, quality)

const nameOf = (payload: Said['payload']): string =>
  `Template “${textOf(payload['message_template_name'])}” (${textOf(payload['message_template_language'])})`

function stateWords(said: Said): Words | undefined {
  if (said.event === 'QUALITY') return qualityWords(said)
  const state = STATES[said.event.toUpperCase()]
  if (!state) return undefined
  const { payload } = said
  const rejection = inside(payload['rejection_info'])
  const reason = textOf(payload['reason'])
  const detail = joined(
    ['', 'NONE'].includes(reason) ? '' : plain(reason),
    textOf(rejection['reason']),
    textOf(rejection['recommendation']),
    textOf(inside(payload['other_info'])['description']),
    dayOf(inside(payload['disable_info'])['disable_date']),
  )
  return words(state[0], `${nameOf(payload)}: ${state[1]}`, detail)
}

function qualityWords({ payload }: Said): Words {
  const [tone, text] = QUALITIES[textOf(payload['new_quality_score'])] ?? ['', 'not known yet']
  return words(tone, `${nameOf(payload)}: quality ${text}`)
}

function categoryWords({ event, payload }: Said): Words {
  const [old, now, next] = ['previous_category', 'new_category', 'correct_category'].map((name) =>
    plain(payload[name]),
  )
  return event === 'CATEGORY_ANNOUNCED'
    ? words(
        'warn',
        `${nameOf(payload)} becomes ${next ?? ''}`,
        dayOf(payload['category_update_timestamp']),
      )
    : words('', `${nameOf(payload)} is ${now ?? ''} now`, old ? `It was ${old}` : '')
}

export const templateWords: Record<string, Explain> = {
  message_template_status_update: stateWords,
  message_template_quality_update: qualityWords,
  message_template_components_update: ({ payload }) =>
    words('', `${nameOf(payload)} was edited at Meta`),
  template_category_update: categoryWords,
}
