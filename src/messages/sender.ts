import { normalisePhone, phoneMatch } from '../contacts/phone.ts'
import type { Message, Profile } from './shapes.ts'
import { cut } from './storable.ts'

/** Who wrote, by whatever WhatsApp told: at least one of `waUserId` and `phone` is there. */
export type Sender = {
  waUserId: string | null
  /** Digits as WhatsApp gave them. */
  phone: string | null
  /** One key for all spellings of the number. */
  match: string | null
  name: string | null
  username: string | null
}

const MAX_NAME = 200
const MAX_ID = 200

/**
 * The sender of a message, or undefined when it names nobody.
 *
 * `wa_id` is the person's number at WhatsApp and may differ from `from` in the digits some countries add;
 * since 2026 both may be missing and only a user id is there. What is no number is taken as a user id.
 * Source: WhatsApp Cloud API, webhooks, contacts; business-scoped user ids.
 */
export function senderOf(message: Message, profiles: Profile[]): Sender | undefined {
  const profile = profileOf(message, profiles)
  const phone = digitsOf(profile?.wa_id) ?? digitsOf(message.from)
  const waUserId = userIdOf(message, profile, phone === undefined)
  if ([waUserId, phone].every((id) => id === undefined)) return undefined
  const { name, username } = profile?.profile ?? {}
  return {
    waUserId: waUserId ?? null,
    phone: phone ?? null,
    match: phone === undefined ? null : phoneMatch(phone),
    name: named(name),
    username: named(username?.replace(/^@/, '')),
  }
}

/** A notice of a changed user id names only the old and the new one: the old one is who we know. */
function userIdOf(
  { from, from_user_id, system }: Message,
  profile: Profile | undefined,
  hasNoPhone: boolean,
): string | undefined {
  const opaque = hasNoPhone ? [from, profile?.wa_id] : []
  const notice = [system?.previous_user_id, system?.user_id]
  const known = [from_user_id, profile?.user_id, ...opaque, ...notice]
  return known.find((id) => id && id.length <= MAX_ID)
}

/** Profiles need not stand in the order of the messages; without a match only a sole one can be meant. */
function profileOf(message: Message, profiles: Profile[]): Profile | undefined {
  const { from, from_user_id } = message
  const isSame = ({ wa_id, user_id }: Profile): boolean =>
    (from_user_id !== undefined && user_id === from_user_id) ||
    (from !== undefined && wa_id !== undefined && isSameNumber(from, wa_id))
  const [sole] = profiles
  const isSole = (): boolean => profiles.length === 1 && (!digitsOf(from) || !digitsOf(sole?.wa_id))
  return profiles.find(isSame) ?? (isSole() ? sole : undefined)
}

function isSameNumber(a: string, b: string): boolean {
  if (a === b) return true
  const [x, y] = [digitsOf(a), digitsOf(b)]
  return x !== undefined && y !== undefined && phoneMatch(x) === phoneMatch(y)
}

/** Nearly every number comes as plain digits, which need no normalising. */
const digitsOf = (text: string | undefined): string | undefined =>
  text === undefined || /^[1-9]\d{6,14}$/.test(text) ? text : normalisePhone(text)

function named(text: string | undefined): string | null {
  const name = cut(text?.replace(/\s+/g, ' ').trim() ?? '', MAX_NAME)
  return name === '' ? null : name
}
