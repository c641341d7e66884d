type Known = Record<'org' | 'user' | 'contact', string>

const soon = (): Date => new Date(Date.now() + 86_400_000)

/** The rows of `rows.ts` about what is told to people and what they asked. */
export const ROWS_TOLD: Record<string, (ids: Known) => Record<string, unknown>> = {
  incident_orgs: ({ org, contact }) => ({ org_id: org, incident_id: contact }),
  announcements: ({ contact }) => ({
    id: contact,
    kind: 'tips',
    title: 'A tip',
    body: 'Press j for the next conversation.',
    published_at: new Date(),
    ends_at: soon(),
  }),
  announcement_reads: ({ user, contact }) => ({
    user_id: user,
    announcement_id: contact,
    mailed_at: new Date(),
  }),
  mail_refusals: ({ user }) => ({ user_id: user, topic: 'tips', road: 'link', at: new Date() }),
}
