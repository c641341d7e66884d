/**
 * The tables whose rows an import brings back, and the columns that do not come back as they left: each with the
 * expression, over the row `r`, that takes its place. What is not here belongs to the place it was exported from:
 * people join by invitation, keys and programs are made anew, and what waited to be sent is not sent a second time.
 */
export const restore: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  // Credentials stay behind, so a number is off until somebody enters new ones.
  connections: { state: `'disabled'`, state_reason: 'null' },
  // Of a restricted contact only a stub left.
  contacts: {
    attributes: `coalesce(r.attributes, '{}')`,
    sources: `coalesce(r.sources, '{}')`,
    erasing_at: 'null',
  },
  contact_identities: {},
  restrictions: {},
  restriction_notices: {},
  consents: {},
  contact_corrections: {},
  conversations: {},
  messages: {
    status: `case r.status when 'queued' then 'cancelled' when 'sending' then 'unknown' else r.status end`,
    rank: `case r.status when 'sending' then 10::smallint else r.rank end`,
  },
  // Stored once its file is read back too; what was on its way cannot be fetched from here.
  media: {
    status: `case when r.status in ('expired', 'refused') then r.status else 'failed' end`,
    error: `case when r.status = 'stored' then 'lost' else coalesce(r.error, 'imported') end`,
    due_at: 'null',
    kept_until: 'null',
    uploaded_by: 'null',
  },
  routing_decisions: {},
  message_events: {},
  contact_preferences: {},
  message_corrections: {},
  former_members: {},
}
