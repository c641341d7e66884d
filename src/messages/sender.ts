import { normalisePhone, phoneMatch } from '../contacts/phone.ts'
import type { Message, Profile } from './shapes.ts'
import { cut } from './storable.ts'

/** What a person is known by; null where WhatsApp did not tell. */
export type Ids = {
  waUserId: string | null
  /** One for all portfolios of a managed business. */
  waParentId: string | null
  /** Digits as WhatsApp gave them. */
  phone: string | null
  /** One key for all spellings of the number. */
  match: string | null
}

/** A customer, by whatever WhatsApp told: at least one of the ids is there. */
export type Sender = Ids & { name: string | null; username: string | null }

/** Ids that a person has from now on beside those known before, and why. */
export type Became = Ids & { reason: 'changed_number' | 'shared_number' }

/** A person as one object of a webhook names them: `id` is a number, now and then a user id. */
export type Given = {
  id?: string | undefined
  userId?: string | undefined
  parentId?: string | undefined
  username?: string | undefined
  /** Further user ids, the one known longest first. */
  formerIds?: (string | undefined)[]
}

const MAX_NAME = 200
const MAX_ID = 200

/** Who wrote a message, or undefined when it names nobody. A changed user id's notice names the old one: that is who we know. */
export function senderOf(message: Message, profiles: Profile[]): Sender | undefined {
  const { from: id, from_user_id: userId, from_parent_user_id: parentId, system } = message
  const formerIds = [system?.previous_user_id, system?.user_id]
  return personIn({ id, userId, parentId, formerIds }, profiles)
}

/**
 * The person that an object of a webhook names, with what the profiles beside it say, or undefined for nobody.
 *
 * `wa_id` is the person's number at WhatsApp and may differ from the one given in the digits some countries add;
 * since 2026 both may be missing and only a user id is there. What is no number is taken as a user id.
 * Source: WhatsApp Cloud API, webhooks, contacts; business-scoped user ids.
 */
export function personIn(given: Given, profiles: Profile[]): Sender | undefined {
  const profile = profileOf(given, profiles)
  const phone = digitsOf(profile?.wa_id) ?? digitsOf(given.id)
  const waUserId = userIdOf(given, profile, phone === undefined)
  const waParentId = usable([given.parentId, profile?.parent_user_id])
  if ([waUserId, waParentId, phone].every((id) => id === undefined)) return undefined
  const { name, username = given.username } = profile?.profile ?? {}
  return {
    ...idsOf({ waUserId, waParentId, phone }),
    name: named(name),
    username: named(username?.replace(/^@/, '')),
  }
}

/**
 * The ids a message says its sender has now: after a change of number or user id, or because they shared their own
 * number when they were asked for it. Source: WhatsApp Cloud API, system messages; contact information requests.
 */
export function becameIn({ system, origin, contacts }: Message): Became | null {
  if (system) {
    const { wa_id, new_wa_id, user_id: userId, parent_user_id: parentId } = system
    return becoming('changed_number', { id: wa_id ?? new_wa_id, userId, parentId })
  }
  const [card] = origin === 'contact_request' ? (contacts ?? []) : []
  const [first] = card?.phones ?? []
  return becoming('shared_number', { id: digitsOf(first?.wa_id) ?? first?.phone })
}

/** Further ids of a person, or null when none of them can be one. */
export function becoming(
  reason: Became['reason'],
  { id, userId, parentId }: Pick<Given, 'id' | 'userId' | 'parentId'>,
): Became | null {
  const phone = digitsOf(id)
  const [waUserId, waParentId] = [usable([userId]), usable([parentId])]
  if ([waUserId, waParentId, phone].every((one) => one === undefined)) return null
  return { reason, ...idsOf({ waUserId, waParentId, phone }) }
}

type Known = {
  waUserId?: string | undefined
  waParentId?: string | undefined
  phone?: string | undefined
}

const idsOf = ({ waUserId, waParentId, phone }: Known): Ids => ({
  waUserId: waUserId ?? null,
  waParentId: waParentId ?? null,
  phone: phone ?? null,
  match: phone === undefined ? null : phoneMatch(phone),
})

const usable = (ids: (string | undefined)[]): string | undefined =>
  ids.find((id) => id && id.length <= MAX_ID)

function userIdOf(
  { id, userId, formerIds = [] }: Given,
  profile: Profile | undefined,
  hasNoPhone: boolean,
): string | undefined {
  const opaque = hasNoPhone ? [id, profile?.wa_id] : []
  return usable([userId, profile?.user_id, ...opaque, ...formerIds])
}

/** Profiles need not stand in the order of the messages; without a match only a sole one can be meant. */
function profileOf({ id, userId }: Given, profiles: Profile[]): Profile | undefined {
  const isSame = ({ wa_id, user_id }: Profile): boolean =>
    (userId !== undefined && user_id === userId) ||
    (id !== undefined && wa_id !== undefined && isSameNumber(id, wa_id))
  const [sole] = profiles
  const isSole = (): boolean => profiles.length === 1 && (!digitsOf(id) || !digitsOf(sole?.wa_id))
  return profiles.find(isSame) ?? (isSole() ? sole : undefined)
}

/** True for two spellings of one number, or the same text. */
export function isSameNumber(a: string, b: string): boolean {
  if (a === b) return true
  const [x, y] = [digitsOf(a), digitsOf(b)]
  return x !== undefined && y !== undefined && phoneMatch(x) === phoneMatch(y)
}

/** Nearly every number comes as plain digits, which need no normalising. */
export const digitsOf = (text: string | undefined): string | undefined =>
  text === undefined || /^[1-9]\d{6,14}$/.test(text) ? text : normalisePhone(text)

function named(text: string | undefined): string | null {
  const name = cut(text?.replace(/\s+/g, ' ').trim() ?? '', MAX_NAME)
  return name === '' ? null : name
}
