import { noticePaths } from '../../notices/declared.ts'
import { componentPaths } from '../../templates/components.ts'
import { aboutContact, aboutOrganization, key, table, type Store } from './vocabulary.ts'

const reported = { category: 'message_metadata', collectedFrom: 'meta_webhook' } as const

/** What Meta reports of the organization's numbers, accounts and templates; first what goes first. */
export const notices = [
  table(
    'notice_originals',
    aboutContact('expires', 'notice_original'),
    {
      org_id: key,
      notice_id: key,
      raw: {
        category: 'content',
        sealed: 'gcm_org',
        export: { exclude: 'not understood yet: whose it is cannot be told' },
        why: 'what a report holds beyond the declared fields; it may name members of a group',
      },
      received_at: key,
    },
    [
      {
        rule: 'notice_original',
        due: 'received_at < cast(:now as timestamptz) - make_interval(days => :days)',
      },
    ],
  ),
  table(
    'notices',
    { ...aboutOrganization('notice'), purpose: ['provide', 'route'] },
    {
      org_id: key,
      id: key,
      connection_id: key,
      waba_id: { ...reported, category: 'contact_detail' },
      field: reported,
      event: reported,
      payload: {
        ...reported,
        paths: noticePaths(),
        why: 'holds the fields that src/notices declares, none of them of a customer',
      },
      key: { ...key, sealed: 'hash' },
      at: reported,
      received_at: key,
    },
    [
      {
        rule: 'notice',
        due: 'received_at < cast(:now as timestamptz) - make_interval(days => :days)',
      },
    ],
  ),
  table(
    'templates',
    { ...aboutOrganization('connection_life'), purpose: ['provide', 'route'] },
    {
      org_id: key,
      id: key,
      waba_id: { ...reported, category: 'contact_detail' },
      graph_id: reported,
      name: reported,
      language: reported,
      status: reported,
      status_at: reported,
      reason: reported,
      category: reported,
      category_at: reported,
      next_category: reported,
      next_category_at: reported,
      quality: reported,
      quality_at: reported,
      changed_at: reported,
      parameter_format: reported,
      components: {
        ...reported,
        category: 'content',
        paths: componentPaths(),
        why: 'what the organization wrote for many; values for one person are in the message',
      },
      said: reported,
      synced_at: key,
      gone_at: key,
      created_at: key,
    },
  ),
  table('template_syncs', aboutOrganization('connection_life'), {
    org_id: key,
    waba_id: { ...reported, category: 'contact_detail' },
    asked_at: key,
    began_at: key,
    lease_until: key,
    fence: key,
    found: key,
    ended_at: key,
    outcome: key,
    code: reported,
    said: { ...reported, why: 'Meta’s sentence on why it gave no list, without the token' },
    ok_at: key,
  }),
]

export const templateStores: readonly Store[] = [
  {
    ...aboutOrganization('job'),
    store: 'queue sync',
    kind: 'queue',
    matches: 'BullMQ queue "sync": chatflow:sync:* in Redis, schema jobs in PostgreSQL',
    export: { exclude: 'a doorbell; what it rings for is exported from its table' },
    why: 'a doorbell: ids of the organization and of its business account at Meta',
  },
]
