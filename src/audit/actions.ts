import { z } from 'zod'
import { KINDS } from '../restrictions/gate.ts'

const role = z.enum(['owner', 'admin', 'agent', 'viewer'])
const nothing = z.strictObject({})
/** How somebody who was erased contacted the organization again. */
export const AGAIN = ['wrote', 'called', 'came_by', 'ordered', 'other'] as const
const count = z.number().int().nonnegative()
const right = z.enum(['access', 'correct', 'erase', 'restrict', 'object', 'export', 'question'])
const processor = z.strictObject({ processor: z.string().regex(/^[a-z_]{1,40}$/) })

/**
 * Everything that is written into the audit log: what a reader calls it, and what is told beside who, what and when.
 * A detail is a word of ours, a number or an id: nothing that a person typed, so nothing of a person stays in it.
 */
export const ACTIONS = {
  'sign_in.ok': { says: 'Signed in', detail: nothing },
  'sign_in.failed': { says: 'Refused a sign-in', detail: nothing },
  'sign_in.blocked': { says: 'Blocked sign-ins after too many tries', detail: nothing },
  'session.revoked': { says: 'Ended sign-ins', detail: z.strictObject({ sessions: count }) },
  'password.changed': { says: 'Changed the password', detail: nothing },
  'password.reset': { says: 'Chose a new password by mail', detail: nothing },
  'sudo.confirmed': { says: 'Confirmed the password for a sensitive change', detail: nothing },
  'sudo.failed': {
    says: 'Failed to confirm the password for a sensitive change',
    detail: nothing,
  },
  'factor.on': { says: 'Turned the second factor on', detail: nothing },
  'factor.off': { says: 'Turned the second factor off', detail: nothing },
  'factor.reset': { says: 'Took a second factor away', detail: nothing },
  'factor.failed': { says: 'Refused a code of a second factor', detail: nothing },
  'factor.recovery_used': { says: 'Used a recovery code', detail: nothing },
  'factor.codes_renewed': { says: 'Made new recovery codes', detail: nothing },
  'organization.factor_demanded': {
    says: 'Changed whether members need a second factor',
    detail: z.strictObject({ to: z.enum(['needed', 'optional']) }),
  },
  'organization.created': { says: 'Made the organization', detail: nothing },
  'organization.renamed': { says: 'Renamed the organization', detail: nothing },
  'organization.choice_changed': {
    says: 'Decided for all members what may be made out of their use',
    detail: z.strictObject({
      subject: z.enum(['usage', 'personalisation', 'optional_mail']),
      to: z.enum(['on', 'off']),
    }),
  },
  'email.changed': {
    says: 'Changed the e-mail of an account',
    detail: z.strictObject({ was: z.string().regex(/^[0-9a-f]{32}$/) }),
  },
  'email.change_undone': { says: 'Took a change of an e-mail back', detail: nothing },
  'contact.corrected': {
    says: 'Corrected a contact at their request',
    detail: z.strictObject({ fields: z.array(z.enum(['name', 'phone', 'email', 'attributes'])) }),
  },
  'contact.correction_denied': {
    says: 'Did not correct a contact, and kept their statement',
    detail: z.strictObject({ field: z.enum(['name', 'phone', 'email', 'attributes']) }),
  },
  'export.downloaded': {
    says: 'Downloaded an export',
    detail: z.strictObject({ kind: z.enum(['org', 'contact', 'user']) }),
  },
  'contact.data_shown': { says: 'Looked at everything kept about a contact', detail: nothing },
  'message.corrected': { says: 'Noted a correction beside a message', detail: nothing },
  'member.added': { says: 'Added a member', detail: z.strictObject({ role }) },
  'member.role_changed': {
    says: 'Gave a member another role',
    detail: z.strictObject({ from: role, to: role }),
  },
  'member.removed': { says: 'Removed a member', detail: z.strictObject({ role }) },
  'member.left': { says: 'Left the organization', detail: z.strictObject({ role }) },
  'invitation.created': { says: 'Invited somebody', detail: z.strictObject({ role }) },
  'invitation.withdrawn': { says: 'Took an invitation back', detail: nothing },
  'invitation.accepted': { says: 'Accepted an invitation', detail: z.strictObject({ role }) },
  'api_key.created': {
    says: 'Made an API key',
    detail: z.strictObject({ scopes: z.array(z.enum(['read', 'write'])) }),
  },
  'api_key.revoked': { says: 'Revoked an API key', detail: nothing },
  'connection.created': { says: 'Connected a number', detail: nothing },
  'connection.secrets_changed': {
    says: 'Replaced secrets of a connection',
    detail: z.strictObject({
      secrets: z.array(z.enum(['access_token', 'app_secret', 'verify_token'])),
    }),
  },
  'connection.disconnected': {
    says: 'Disconnected a number and destroyed its token',
    detail: nothing,
  },
  'connection.switched': {
    says: 'Switched a connection',
    detail: z.strictObject({ to: z.enum(['active', 'disabled']) }),
  },
  'template.created': { says: 'Made a message template', detail: nothing },
  'template.edited': { says: 'Changed a message template', detail: nothing },
  'template.deleted': { says: 'Deleted a message template', detail: nothing },
  'dead_letter.replayed': { says: 'Replayed a dead letter', detail: nothing },
  'dead_letter.discarded': { says: 'Discarded a dead letter', detail: nothing },
  'deletion.requested': {
    says: 'Asked for a deletion',
    detail: z.strictObject({ kind: z.enum(['org', 'contact', 'user']) }),
  },
  'deletion.cancelled': { says: 'Cancelled the deletion of the organization', detail: nothing },
  'rights.opened': {
    says: 'Noted a privacy request',
    detail: z.strictObject({
      kind: right,
      road: z.enum(['self', 'form', 'mail', 'letter', 'phone', 'chat', 'person']),
    }),
  },
  'rights.verified': {
    says: 'Made sure who asks in a privacy request',
    detail: z.strictObject({
      how: z.enum(['login', 'chat', 'code', 'link', 'known', 'document', 'mandate']),
    }),
  },
  'rights.answered': { says: 'Answered a privacy request in the chat', detail: nothing },
  'rights.code_failed': { says: 'Refused a code of a privacy request', detail: nothing },
  'rights.paused': { says: 'Stopped the clock of a privacy request', detail: nothing },
  'rights.resumed': { says: 'Let the clock of a privacy request go on', detail: nothing },
  'rights.extended': { says: 'Extended a privacy request by two months', detail: nothing },
  'rights.carried_out': { says: 'Confirmed a deletion in a privacy request', detail: nothing },
  'rights.refused': {
    says: 'Refused a privacy request',
    detail: z.strictObject({
      reason: z.enum(['identity', 'excessive', 'unfounded', 'duty', 'others', 'nothing']),
    }),
  },
  'rights.closed': {
    says: 'Closed a privacy request',
    detail: z.strictObject({
      outcome: z.enum([
        'answered',
        'corrected',
        'erased',
        'restricted',
        'objected',
        'handed_over',
        'refused',
        'taken_back',
        'nothing_found',
      ]),
    }),
  },
  'rights.words_approved': {
    says: 'Approved an automatic answer to a privacy keyword',
    detail: z.strictObject({ kind: right, language: z.string().length(2) }),
  },
  'rights.words_withdrawn': {
    says: 'Took an automatic answer to a privacy keyword back',
    detail: z.strictObject({ kind: right, language: z.string().length(2) }),
  },
  'contact.returned': {
    says: 'Took in somebody again who had been erased',
    detail: z.strictObject({ because: z.enum(AGAIN) }),
  },
  'contact.restricted': {
    says: 'Restricted a contact, or noted what they object to',
    detail: z.strictObject({
      kind: z.enum(KINDS),
      ground: z.enum(['accuracy', 'unlawful', 'claim', 'objection', 'wish']),
    }),
  },
  'contact.restriction_told': {
    says: 'Told a contact that the restriction will end',
    detail: z.strictObject({ road: z.enum(['whatsapp', 'email', 'phone', 'letter', 'in_person']) }),
  },
  'contact.restriction_lifted': {
    says: 'Lifted a restriction or an objection',
    detail: z.strictObject({ kind: z.enum(KINDS) }),
  },
  'support.granted': {
    says: 'Let support look in',
    detail: z.strictObject({ scope: z.enum(['configuration', 'content']), hours: count }),
  },
  'support.revoked': { says: 'Took back that support may look in', detail: nothing },
  'support.viewed': {
    says: 'Support looked at a page',
    detail: z.strictObject({
      page: z.enum(['overview', 'conversations', 'conversation']),
      scope: z.enum(['configuration', 'content']),
    }),
  },
  'disclosure.told': {
    says: 'Told the owners that an authority asked for data',
    detail: nothing,
  },
  'hold.placed': {
    says: 'Kept a part of the data because an authority ordered it',
    detail: nothing,
  },
  'hold.released': { says: 'Ended that a part of the data is kept by order', detail: nothing },
  'incident.told': { says: 'Told of a breach that concerns the organization', detail: nothing },
  'abuse.found': {
    says: 'Noticed too much of something and slowed it down',
    detail: z.strictObject({
      kind: z.enum([
        'sign_in_tries',
        'network_tries',
        'new_network',
        'request_pace',
        'first_messages',
        'failed_messages',
        'rejected_templates',
        'export_bursts',
      ]),
    }),
  },
  'abuse.appealed': { says: 'Asked a person to look at a finding', detail: nothing },
  'abuse.decided': {
    says: 'Decided about a finding',
    detail: z.strictObject({ to: z.enum(['lifted', 'kept']) }),
  },
  'processor.objected': { says: 'Objected to a sub-processor', detail: processor },
  'processor.accepted': { says: 'Took back an objection to a sub-processor', detail: processor },
  'keys.destroyed': {
    says: 'Destroyed old keys that sealed nothing any more',
    detail: z.strictObject({ keys: count }),
  },
  'keys.rotated': {
    says: 'Changed the key that seals secrets',
    detail: z.strictObject({ key: z.enum(['master', 'data']), resealed: count }),
  },
} as const satisfies Record<string, { says: string; detail: z.ZodType }>

export type Action = keyof typeof ACTIONS
export type DetailOf<A extends Action> = z.input<(typeof ACTIONS)[A]['detail']>

export const isAction = (text: unknown): text is Action =>
  typeof text === 'string' && Object.hasOwn(ACTIONS, text)
