import { aboutOrganization, aboutUser, colleague, key, table } from './vocabulary.ts'

const BALANCE =
  'Which pages and features are used tells what to improve; no content, no address, no colleague sees it about one person, and an objection ends it at once.'
const watched = {
  purpose: ['personalise'],
  lawfulBasis: 'legitimate_interest',
  balance: BALANCE,
} as const

/** What people use, and what the organization decided about how long things stay. */
export const usage = [
  table(
    'usage_refs',
    { ...aboutUser('user_id->memberships.user_id->users', 'membership'), ...watched },
    {
      org_id: key,
      user_id: key,
      ref: { category: 'usage', export: { exclude: 'a random number that stands for the person' } },
      since: key,
    },
  ),
  table(
    'usage_events',
    {
      ...aboutUser('ref~>usage_refs.user_id->memberships.user_id->users', 'usage'),
      ...watched,
      category: 'usage',
    },
    { org_id: key, id: key, page: {}, feature: {}, at: {}, ref: key },
    [{ rule: 'usage', due: 'at < cast(:now as timestamptz) - make_interval(days => :days)' }],
  ),
  table(
    'usage_daily',
    { ...aboutOrganization('usage_daily'), purpose: ['personalise'], category: 'usage' },
    { org_id: key, day: key, page: {}, feature: {}, events: {}, people: {} },
    [
      {
        rule: 'usage_daily',
        due: `day < cast(cast(:now as timestamptz) at time zone 'UTC' as date) - cast(:days as int)`,
      },
    ],
  ),
  table('retention_settings', aboutOrganization('account_life'), {
    org_id: key,
    rule: key,
    days: { category: 'preference', collectedFrom: 'person' },
    changed_by: colleague('changed_by'),
    changed_at: key,
  }),
]
