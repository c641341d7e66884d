/**
 * What is left of a restricted contact where data of many leave together: the columns of each table that go along, so
 * that the restriction is known by every name of the person wherever the rows are read back. Of all other tables their
 * rows stay behind. Source: privacy promise P50.
 */
export const stub: Readonly<Record<string, readonly string[]>> = {
  contacts: ['id', 'created_at', 'updated_at'],
  contact_identities: ['kind', 'value', 'contact_id', 'created_at'],
  contact_preferences: ['contact_id', 'category', 'value', 'at'],
  restrictions: [
    'id',
    'contact_id',
    'kind',
    'ground',
    'road',
    'set_by',
    'request_id',
    'since',
    'noticed_at',
    'lifted_at',
    'lifted_by',
  ],
  restriction_notices: ['id', 'restriction_id', 'road', 'told_by', 'told_at'],
  consents: ['id', 'contact_id', 'user_id', 'purpose', 'state', 'road', 'actor_id', 'at'],
}
