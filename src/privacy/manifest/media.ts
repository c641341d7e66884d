import { aboutContact, aboutOrganization, colleague, key, table, type Store } from './vocabulary.ts'

const PLACE = { exclude: 'where the file lies; the file itself is in the folder media' }

/** What is known of the files of messages; the files themselves are a store. */
export const media = [
  table(
    'media',
    aboutContact(
      'message_id->messages.conversation_id->conversations.contact_id->contacts',
      'contact_life',
    ),
    {
      org_id: key,
      id: key,
      message_id: key,
      connection_id: key,
      kind: {},
      graph_id: {},
      uploaded_at: {},
      mime: {},
      name: { category: 'content', sealed: 'gcm_org' },
      size: {},
      width: { collectedFrom: 'derived' },
      height: { collectedFrom: 'derived' },
      sha256: { collectedFrom: 'derived' },
      location: { ...key, export: PLACE },
      key_id: { ...key, export: PLACE },
      status: {},
      error: {},
      attempts: key,
      due_at: key,
      kept_until: key,
      uploaded_by: colleague('uploaded_by'),
      created_at: key,
    },
  ),
]

/** Where the files lie, and what rings for them. */
export const mediaStores: readonly Store[] = [
  {
    ...aboutContact('expires', 'contact_life'),
    store: 'media',
    kind: 'files',
    matches: 'MEDIA_URL, by default DATA_DIR/media/<organization>/<month>/<file>',
    files: ['media:*/*/*'],
    category: 'content',
    link: 'self',
    erase: 'shred',
    sealed: 'gcm_org',
    why: 'found by the row of the file, and by the folder of the organization; each belongs to a message or waits for one',
  },
  {
    ...aboutOrganization('job'),
    store: 'queue media',
    kind: 'queue',
    matches: 'BullMQ queue "media": chatflow:media:* in Redis, schema jobs in PostgreSQL',
    export: { exclude: 'passes through; what stays is exported from its table' },
    why: 'a doorbell: ids of the organization and the row of the file',
  },
]
