import { z } from 'zod'
import { audit } from '../audit/audit.ts'
import { changeContact, createContact } from '../contacts/changes.ts'
import { getContact, listContacts, type Contact } from '../contacts/contacts.ts'
import { requestDeletion } from '../deletions/request.ts'
import { folderOf } from '../privacy/export-place.ts'
import { checkSubject } from '../privacy/export-plan.ts'
import { writeExport } from '../privacy/export.ts'
import { notFound } from '../refusal.ts'
import { refuseStopped } from '../restrictions/gate.ts'
import { call, type Call, type Download } from './calls.ts'
import { again, filled } from './fields.ts'
import { Page, page } from './paging.ts'
import { named, time } from './shapes.ts'

const ContactShape = named(
  'Contact',
  z.object({
    id: z.uuid(),
    name: z.string().nullable(),
    phone: z
      .string()
      .nullable()
      .meta({ description: 'E.164 digits without the plus, as WhatsApp gave them.' }),
    wa_user_id: z.string().nullable(),
    username: z.string().nullable(),
    email: z.string().nullable(),
    attributes: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    labels: z.array(z.string()),
    restricted: z.boolean().meta({
      description:
        'Their data are kept at their request and nothing else: all but the id is empty.',
    }),
    created_at: time,
  }),
)

const showContact = (c: Contact): z.input<typeof ContactShape> => ({
  id: c.id,
  name: c.name,
  phone: c.phone,
  wa_user_id: c.wa_user_id,
  username: c.username,
  email: c.email,
  attributes: c.attributes,
  labels: [],
  restricted: c.restricted,
  created_at: c.created_at.toISOString(),
})

const DeletionShape = named(
  'Deletion',
  z.object({
    code: z.string().meta({ description: 'For /deletion/{code}; it names nobody.' }),
    state: z.enum(['requested', 'confirmed', 'grace', 'purging', 'purged', 'cancelled']),
    deadline: time,
  }),
)

const value = z.union(
  [z.string().max(1_000), z.number(), z.boolean()],
  'must be a text of at most 1,000 characters, a number, true or false',
)
const Fields = {
  name: filled(200).nullable().optional(),
  phone: filled(40).nullable().optional(),
  email: z.email().max(320).nullable().optional(),
}
const New = z.strictObject({
  ...Fields,
  wa_user_id: filled(140).optional(),
  attributes: z.record(filled(64), value).optional(),
  contacted_again: again,
})
const Change = z
  .strictObject({
    ...Fields,
    attributes: z.record(filled(64), value.nullable()).optional(),
    contacted_again: again,
  })
  .refine((change) => Object.keys(change).length > 0, 'holds nothing to change')

export const contactCalls: Call[] = [
  call({
    method: 'get',
    path: '/contacts',
    title: 'List contacts, newest first; q looks into names, numbers, usernames and user ids',
    query: z.strictObject({ ...Page, q: z.string().max(200).optional() }),
    answer: ContactShape,
    isList: true,
    run: ({ on, org, list, query }) =>
      page<Contact, string>(
        { on, list, query },
        {
          read: (before, limit) =>
            on.db.withTenant(org, (tx) => listContacts(tx, org, { q: query.q, before, limit })),
          place: (row) => row.id,
          show: showContact,
        },
      ),
  }),
  call({
    method: 'post',
    path: '/contacts',
    title: 'Add a contact by phone number or WhatsApp user id',
    query: z.strictObject({}),
    body: New,
    answer: ContactShape,
    status: 201,
    run: async ({ on, org, body, key }) =>
      showContact(await createContact(on, org, { ...body, by: { kind: 'api_key', id: key } })),
  }),
  call({
    method: 'get',
    path: '/contacts/:id',
    title: 'Read a contact',
    query: z.strictObject({}),
    answer: ContactShape,
    run: async ({ on, org, id }) => {
      const found = await on.db.withTenant(org, (tx) => getContact(tx, org, id))
      if (!found) throw notFound('contact')
      return showContact(found)
    },
  }),
  call({
    method: 'patch',
    path: '/contacts/:id',
    title: 'Change a contact; attributes are merged, null takes one away',
    query: z.strictObject({}),
    body: Change,
    answer: ContactShape,
    run: async ({ on, org, id, body, key }) =>
      showContact(await changeContact(on, org, id, { ...body, by: { kind: 'api_key', id: key } })),
  }),
  call({
    method: 'delete',
    path: '/contacts/:id',
    title: 'Erase a contact and everything said with them; the code tells how far it is',
    query: z.strictObject({}),
    answer: DeletionShape,
    status: 202,
    run: async ({ on, org, id, key }) => {
      const by = { kind: 'api_key' as const, id: key }
      const wish = { kind: 'contact' as const, org, subject: id, road: 'api' as const, by }
      const { code, state, deadline } = await requestDeletion(on, wish)
      return { code, state, deadline: deadline.toISOString() }
    },
  }),
  call({
    method: 'get',
    path: '/contacts/:id/export',
    title: 'Everything of a contact as a ZIP: JSON lines and CSV per table, a page to read, hashes',
    query: z.strictObject({}),
    answer: z.string(),
    file: 'application/zip',
    run: async ({ on, org, id, key }): Promise<Download> => {
      await on.db.withTenant(org, async (tx) => {
        await checkSubject(tx, { kind: 'contact', org, id })
        await refuseStopped(tx, org, id, 'hand_over')
        await audit(tx, org, {
          actor: { kind: 'api_key', id: key },
          action: 'export.downloaded',
          target: { kind: 'contact', id },
          detail: { kind: 'contact' },
        })
      })
      return {
        name: 'chatflow-contact.zip',
        async write(sink) {
          await writeExport(on, { kind: 'contact', org, id }, { sink, folder: folderOf(on) })
        },
      }
    },
  }),
]
