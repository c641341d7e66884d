import pg from 'pg'
import { rows } from '../../src/db.ts'
import type { Declared } from '../../src/privacy/inventory.ts'
import { manifest, manifestHash } from '../../src/privacy/manifest.ts'
import type { Entry } from '../../src/privacy/manifest/vocabulary.ts'
import type { Record30 } from '../../src/privacy/record.ts'
import { startApp, type Running } from '../support/app.ts'
import { brokenRules, RULES, type Schema } from '../support/manifest-rules.ts'
import { member } from '../support/member.ts'
import type { Org } from '../support/org.ts'
import { columnsOf, foreignKeysOf } from '../support/schema.ts'
import { talkWith } from '../support/program.ts'

describe('P8 — each column has a declared reason', () => {
  let app: Running
  let org: Org
  let schema: Schema
  beforeAll(async () => {
    app = await startApp({ workers: false })
    org = await app.org()
    const login = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
    await login.connect()
    schema = { live: await columnsOf(login), keys: await foreignKeysOf(login) }
    await login.end()
  })
  afterAll(() => app.stop())

  /** The manifest with something else in one entry. */
  const changed = (place: string, change: object): Declared => {
    const [table, column = ''] = place.split('.')
    return {
      tables: manifest.tables.map((each) => {
        const entry = each.columns[column]
        return each.table !== table || !entry
          ? each
          : { ...each, columns: { ...each.columns, [column]: { ...entry, ...change } } }
      }),
      stores: manifest.stores,
    }
  }
  const broken = (declared: Declared): string[] => brokenRules(declared, schema)

  test('every entry of the manifest keeps every rule', () => {
    expect(broken(manifest)).toEqual([])
  })

  const WRONG: [rule: string, place: string, change: object][] = [
    ['uses the words of the closed lists', 'users.name', { category: 'nickname' }],
    ['has a purpose of the policy', 'contacts.name', { purpose: ['advertise'] }],
    [
      'about somebody says how they are found, along foreign keys or by value',
      'drafts.text',
      { link: 'conversation_id->contacts' },
    ],
    [
      'about a customer is held on the organization’s instruction only',
      'messages.text',
      { lawfulBasis: 'contract' },
    ],
    ['by consent has a switch', 'users.preferences', { lawfulBasis: 'consent' }],
    ['by an interest of ours says why it weighs more', 'usage_events.page', { balance: '' }],
    ['stays by a rule that has an end', 'contacts.email', { retention: 'for_ever' }],
    [
      'found by no link is gone before any deletion would be due',
      'contacts.email',
      { link: 'expires' },
    ],
    ['not exported says why', 'users.name', { export: { exclude: '' } }],
    ['that is a secret is sealed and never exported', 'connections.app_secret', { sealed: 'none' }],
    [
      'kept after an erasure says why and until when',
      'suppressions.digest',
      { erase: { keep: 'what was erased must not come back' } },
    ],
    [
      'of a person in a table is not kept after an erasure',
      'messages.text',
      { erase: { keep: 'for our records', until: 'the end of the year' } },
    ],
    [
      'of free text or JSON is about somebody, or says why not',
      'contacts.name',
      { subject: 'none' },
    ],
    ['of JSON declares its paths, and nothing else does', 'messages.payload', { paths: undefined }],
    ['set to null may be null', 'messages.conversation_id', { erase: 'null' }],
    ['that is unique is not rewritten to a constant', 'users.email', { erase: 'pseudonymise' }],
    ['that is sealed can hold what sealing makes', 'users.created_at', { sealed: 'gcm_instance' }],
  ]

  test.each(WRONG)('an entry is caught that breaks: %s', (rule, place, change) => {
    expect(broken(changed(place, change))).toContain(`${place}: ${rule}`)
  })

  test('no rule is without a case that breaks it', () => {
    expect(WRONG.map(([rule]) => rule).toSorted()).toEqual(Object.keys(RULES).toSorted())
  })

  test('anybody reads each column with its reason, and no number of anybody’s rows', async () => {
    await talkWith(app, org)
    const answer = await fetch(`${app.url}/trust/inventory`)
    expect([answer.status, answer.headers.get('set-cookie')]).toEqual([200, null])
    const page = await answer.text()
    for (const { table, columns } of manifest.tables) {
      expect(page).toContain(`id="table-${table}"`)
      for (const column of Object.keys(columns)) expect(page).toContain(`<code>${column}</code>`)
    }
    for (const { store } of manifest.stores) expect(page).toContain(`<b>${store}</b>`)
    expect(page).toContain('on the organization’s instruction')
    expect(page).not.toMatch(/\d rows?\b/)
    const json = (await (await fetch(`${app.url}/trust/inventory.json`)).json()) as {
      manifest_hash: string
      tables: { table: string; columns: Record<string, Entry> }[]
    }
    expect(json.manifest_hash).toBe(manifestHash())
    const text = json.tables.find(({ table }) => table === 'messages')?.columns['text']
    expect(text).toMatchObject({ subject: 'contact', lawfulBasis: 'processor_instruction' })
  })

  test('an admin reads it with the rows of their organization, a colleague does not', async () => {
    const [admin, agent] = [await member(app, org, 'admin'), await member(app, org, 'agent')]
    const other = await app.org()
    await talkWith(app, other)
    const page = await (await admin.get('/settings/privacy/inventory')).text()
    const rowsIn = (table: string): string =>
      new RegExp(`<code>${table}</code>[^]*?([\\d,]+ rows?|not counted)`).exec(page)?.[1] ?? ''
    const [counted] = await app.on.db.withTenant(org.id, (tx) =>
      rows<{ contacts: number }>(tx, 'select count(*) as contacts from contacts where org_id = ?', [
        org.id,
      ]),
    )
    expect(counted?.contacts).toBe(1)
    expect(rowsIn('contacts')).toBe('1 row')
    expect(rowsIn('memberships')).toBe('3 rows')
    expect(rowsIn('user_sessions')).toBe('not counted')
    expect((await agent.get('/settings/privacy/inventory')).status).toBe(403)
  })

  test('it can be taken along as a record of processing: who, why, for how long, to whom', async () => {
    const admin = await member(app, org, 'admin')
    const json = await admin.get('/settings/privacy/inventory/record.json')
    const record = (await json.json()) as Record30
    expect(record.operator.contact).toBe(app.on.config.PRIVACY_CONTACT)
    const places = new Set(record.activities.flatMap((activity) => activity.places))
    const personal = manifest.tables.flatMap(({ table, columns }) =>
      Object.entries(columns).flatMap(([column, { subject }]) =>
        subject === 'none' ? [] : [`${table}.${column}`],
      ),
    )
    expect(personal.filter((place) => !places.has(place))).toEqual([])
    const messages = record.activities.find((activity) => activity.places.includes('messages.text'))
    expect(messages).toMatchObject({
      controller: 'organization',
      subjects: 'customers on WhatsApp',
      recipients: ['Meta WhatsApp Cloud API'],
    })
    expect(messages?.retention.join()).toContain('as long as the organization keeps the contact')
    const csv = await (await admin.get('/settings/privacy/inventory/record.csv')).text()
    expect(csv.split('\r\n').filter(Boolean)).toHaveLength(record.activities.length + 1)
  })
})
