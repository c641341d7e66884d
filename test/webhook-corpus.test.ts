import { readFileSync } from 'node:fs'
import path from 'node:path'
import pg from 'pg'
import { BACKENDS, startApp, type Running } from './support/app.ts'
import { openCorpus } from './support/corpus.ts'
import { postWebhook } from './support/meta.ts'
import { makeTenants, type Number, type Tenant } from './support/tenants.ts'
import { until } from './support/until.ts'

const webhooks = openCorpus('webhooks')
const files = webhooks.files
/** What is no JSON object is answered 400 and belongs to nobody. */
const isObject = (file: string): boolean =>
  webhooks.bytes(file).toString().trimStart().startsWith('{')
const objects = files.filter(isObject)

/** What each kind of webhook must leave behind, one line for a kind or for a single file that differs. */
const EXPECTED = new Map(
  readFileSync(path.join(import.meta.dirname, 'webhook-corpus.txt'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split('\t') as [string, string]),
)
const kindOf = (file: string): string => file.split('--')[0] ?? file
const expected = (file: string): string => EXPECTED.get(file) ?? EXPECTED.get(kindOf(file)) ?? ''

/** The one number and account of the composed files; for one that names a strange one this is all there is. */
const OURS: Number = { phoneNumberId: '106540352242922', wabaId: '102290129340398' }

type Loose = Record<string, unknown>
const objectOf = (value: unknown): Loose =>
  typeof value === 'object' && value !== null ? (value as Loose) : {}
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
const textOf = (value: unknown): string =>
  ['string', 'number'].includes(typeof value) ? String(value) : ''

/** The numbers a body speaks of, each connected with its account; found without the product's parser. */
function numbersIn(file: string): Number[] {
  if (file.includes('unknown-number') || file.includes('unknown-waba')) return [OURS]
  const numbers = new Map<string, Number>()
  for (const item of listOf(objectOf(JSON.parse(webhooks.bytes(file).toString()))['entry'])) {
    const entry = objectOf(item)
    for (const one of listOf(entry['changes'])) {
      const value = objectOf(objectOf(one)['value'])
      const wabaId =
        textOf(objectOf(value['waba_info'])['waba_id']) || textOf(entry['id']) || OURS.wabaId
      const named = ['metadata', 'recipient', 'phone_number_settings'].map((place) =>
        textOf(objectOf(value[place])['phone_number_id']),
      )
      const phoneNumberId = named.find(Boolean) ?? `of ${wabaId}`
      numbers.set(phoneNumberId, { phoneNumberId, wabaId })
    }
  }
  return numbers.size > 0 ? [...numbers.values()] : [OURS]
}

webhooks.describe.each(BACKENDS)('the corpus of webhooks over %s', (backend) => {
  let app: Running
  let login: pg.Client
  let tenants: Tenant[]
  const places = new Map<string, Tenant>()
  beforeAll(async () => {
    app = await startApp({ backend, env: { WORKER_QUEUES: 'inbound,sweep' } })
    login = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
    await login.connect()
    tenants = await makeTenants(app, objects.map(numbersIn))
    for (const [n, file] of objects.entries()) places.set(file, tenants[n] as Tenant)
  })
  afterAll(async () => {
    await login.end()
    await app.stop()
  }, 60_000)

  const query = async <T extends pg.QueryResultRow>(sql: string): Promise<T[]> =>
    (await login.query<T>(sql)).rows
  /** As Meta does: what is not taken now comes again. */
  const post = (file: string): Promise<number> =>
    until(async () => {
      const { connection } = places.get(file) as Tenant
      const { status } = await postWebhook(app.url, connection, webhooks.bytes(file))
      return status !== 503 && status
    }, 30_000)
  async function postAll(): Promise<number[]> {
    const statuses: number[] = []
    for (let at = 0; at < objects.length; at += 40)
      statuses.push(...(await Promise.all(objects.slice(at, at + 40).map((file) => post(file)))))
    await until(async () => {
      const { waiting, active, delayed } = (await app.on.queues.depths()).inbound
      return waiting + active + delayed === 0
    }, 60_000)
    return statuses
  }

  test('every body is taken and ends as the rows it must', async () => {
    expect(objects.length).toBeGreaterThan(600)
    expect([...new Set(await postAll())]).toEqual([200])
    const found = await leftBehind(query)
    const wrong = objects.flatMap((file) => {
      const left = found.get((places.get(file) as Tenant).org) ?? 'nothing'
      return left === expected(file) ? [] : `${file}\t${left}`
    })
    expect(wrong).toEqual([])
  }, 120_000)

  test('no documented shape is a dead letter, but one without an id and those with a placeholder for a status', () => {
    const letters = objects.filter(
      (file) => expected(file).includes('letter') && !file.includes('--composed-'),
    )
    expect(letters.filter((file) => !file.startsWith('messages/status-syntax'))).toEqual([
      'messages/location--limalb01-docs-1.json',
      'unknown/garbage--dreasdesign-1.json',
    ])
  })

  test('every body a second time changes no row', async () => {
    const before = await digests(query)
    expect([...new Set(await postAll())]).toEqual([200])
    expect(await digests(query)).toEqual(before)
  }, 120_000)
})

type Query = <T extends pg.QueryResultRow>(sql: string) => Promise<T[]>

/** What stands in the tables of each organization, in words: `in text`, `status read`, `notice …`, how many people. */
async function leftBehind(query: Query): Promise<Map<string, string>> {
  const found = await query<{ org_id: string; says: string; n: number }>(`
    select org_id, says, count(*)::int as n from (
      select org_id, direction || coalesce('/' || via, '') || ' ' || kind || case when revoked_at is not null then ' (taken back)' else '' end
             || case when direction = 'out' then ' ' || status else '' end as says from app.messages
      union all select org_id, 'status ' || status from app.message_events
      union all select org_id, 'notice ' || field || ' ' || event from app.notices
      union all select org_id, 'template ' || concat_ws(' ', status, quality, category, 'to ' || next_category, case when changed_at is not null then 'changed' end) from app.templates
      union all select org_id, 'wish ' || value from app.contact_preferences
      union all select org_id, 'person' || case when book_name is not null then ' in the book' else '' end from app.contacts
      union all select org_id, 'id ' || kind from app.contact_identities where kind <> 'phone_match'
      union all select org_id, 'unread' from app.conversations, generate_series(1, unread)
      union all select org_id, 'suggestion ' || reason from app.merge_suggestions
      union all select org_id, 'letter ' || concat_ws(' ', reason, code) from app.dead_letters where org_id is not null
    ) x group by 1, 2 order by 1, 2`)
  const left = new Map<string, string[]>()
  for (const { org_id: org, says, n } of found)
    left.set(org, [...(left.get(org) ?? []), n > 1 ? `${says} ×${n}` : says])
  return new Map([...left].map(([org, words]) => [org, words.join(', ')]))
}

const TABLES = [
  'messages',
  'message_events',
  'conversations',
  'contacts',
  'contact_identities',
  'contact_preferences',
  'merge_suggestions',
  'notices',
  'notice_originals',
  'templates',
  'feed',
  'feed_counters',
  'outbox',
]

/** A digest of all rows of each table; of a dead letter all but how often and when it was seen. */
async function digests(query: Query): Promise<Record<string, string>> {
  const all: Record<string, string> = {}
  const digest = async (table: string, columns: string): Promise<void> => {
    const [row] = await query<{ md5: string }>(
      `select md5(string_agg(md5(r::text), '' order by md5(r::text))) from (select ${columns} from app.${table}) r`,
    )
    all[table] = row?.md5 ?? ''
  }
  for (const table of TABLES) await digest(table, '*')
  await digest('dead_letters', 'id, org_id, reason, code, phone_number_id')
  return all
}
