import { aboutNobody, aboutOrganization, aboutUser, key, table } from './vocabulary.ts'

const WRITTEN = 'written by operators for everybody to read, and asked to name nobody'
const within = (column: string): string =>
  `${column} < cast(:now as timestamptz) - make_interval(days => :days)`

/** What is told to people, and what they want to hear no more of. */
export const communication = [
  table(
    'announcements',
    { ...aboutNobody('announcement'), purpose: ['communicate'], collectedFrom: 'person' },
    {
      id: key,
      kind: key,
      title: { why: WRITTEN },
      body: { why: WRITTEN },
      policy_version: { ...key, why: 'the id of a version of the policy' },
      incident_id: key,
      audience: key,
      published_at: key,
      ends_at: key,
    },
    [{ rule: 'announcement', due: within('ends_at') }],
  ),
  table(
    'announcement_reads',
    { ...aboutUser('user_id->users', 'announcement_read'), purpose: ['communicate'] },
    { user_id: key, announcement_id: key, mailed_at: {}, shown_at: {}, dismissed_at: {} },
  ),
  table(
    'mail_refusals',
    {
      ...aboutUser('user_id->users', 'account_life'),
      category: 'preference',
      purpose: ['communicate'],
      collectedFrom: 'person',
    },
    { user_id: key, topic: {}, road: {}, at: {} },
  ),
  table(
    'incident_orgs',
    { ...aboutOrganization('incident_org'), category: 'audit', purpose: ['protect'] },
    { org_id: key, incident_id: key, told_at: {} },
  ),
]
