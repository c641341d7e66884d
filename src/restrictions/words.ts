import type { Kind } from './gate.ts'
import type { Ground, NoticeRoad } from './restrictions.ts'

/** What each kind is called where people read it. */
export const KIND_WORDS: Readonly<Record<Kind, string>> = {
  restricted: 'Data restricted',
  no_marketing: 'No marketing',
  no_personalisation: 'No treatment by profile',
  no_usage: 'Not counted in reports',
  no_automation: 'Answers by people only',
}

export const GROUND_WORDS: Readonly<Record<Ground, string>> = {
  accuracy: 'They say that the data are wrong',
  unlawful: 'They call the processing unlawful and want no erasure',
  claim: 'They need the data for a claim',
  objection: 'They objected',
  wish: 'They asked for it',
}

export const ROAD_WORDS: Readonly<Record<NoticeRoad, string>> = {
  email: 'by e-mail',
  phone: 'on the phone',
  letter: 'by letter',
  in_person: 'in person',
  whatsapp: 'on WhatsApp, from a phone',
}
