import pg from 'pg'
import { createContact } from '../../src/contacts/changes.ts'
import { eraseRows } from '../../src/deletions/erase.ts'
import { doomedIn, planErasure, type Subject } from '../../src/deletions/plan.ts'
import { newId } from '../../src/ids.ts'
import { readCatalogue, type Catalogue } from '../../src/privacy/catalogue.ts'
import { partsOf, planExport } from '../../src/privacy/export-plan.ts'
import { readRows } from '../../src/privacy/export-rows.ts'
import { manifest } from '../../src/privacy/manifest.ts'
import {
  aboutContact,
  key,
  table,
  type Entry,
  type Export,
  type Table,
} from '../../src/privacy/manifest/vocabulary.ts'
import { startApp, type Running } from '../support/app.ts'
import { newCanary } from '../support/canaries.ts'
import type { Org } from '../support/org.ts'

const SCHEMAS = 8
const HOWS: Export[] = ['include', 'include_masked', 'presence_only', { exclude: 'for this test' }]

/** What an erasure may do with a value so that nothing of it is left. */
const REMOVES: ReadonlySet<unknown> = new Set(['delete_row', 'shred', 'null', 'pseudonymise'])

const FLIPS = [
  ['unexported', { export: { exclude: 'flipped by a test' } }],
  ['unerased', { erase: { keep: 'flipped by a test', until: 'never' } }],
] as const

/** Columns about people that no export of them holds: digests, proofs, copies, and rows that only a value leads to. */
const AGREED =
  'address_undos.token_digest dead_letters.body idempotency_keys.response mail_outbox.body media.key_id media.location notice_originals.raw password_resets.token_digest recovery_codes.code_digest support_tickets.once_digest throttles.key usage_refs.ref user_sessions.sid'.split(
    ' ',
  )

/** Reproducible: the same seed makes the same schema. */
function dice(seed: number): (sides: number) => number {
  let state = seed
  return (sides) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * sides)
  }
}

type Made = { name: string; parent: string; column: string; texts: Record<string, Export> }

/** Tables that hang on contacts or on one another, each with columns that are exported in some way or not. */
function inventTables(seed: number): Made[] {
  const roll = dice(seed)
  return Array.from({ length: 3 + roll(3) }, (_none, n) => {
    const up = n === 0 ? 0 : roll(n + 1)
    const parent = up === n ? 'contacts' : `made_${seed}_${up}`
    const texts = Array.from({ length: 1 + roll(3) }, (_no, i) => [
      `text_${i}`,
      HOWS[roll(HOWS.length)] ?? 'include',
    ])
    return {
      name: `made_${seed}_${n}`,
      parent,
      column: `of_${n}`,
      texts: Object.fromEntries(texts) as Record<string, Export>,
    }
  })
}

const linkOf = ({ column, parent }: Made, all: Made[]): string => {
  const above = all.find(({ name }) => name === parent)
  return `${column}->${parent}${above ? `.${linkOf(above, all)}` : ''}`
}

describe('P10 — one declaration drives export and erasure', () => {
  let app: Running
  let org: Org
  let login: pg.Client
  beforeAll(async () => {
    app = await startApp({ workers: false })
    org = await app.org()
    login = new pg.Client({ connectionString: app.on.config.DATABASE_URL })
    await login.connect()
  })
  afterAll(async () => {
    await login.end()
    await app.stop()
  })

  /** The tables for real, and the manifest that declares them. A row may point to another of its own table. */
  async function build(made: Made[]): Promise<Table[]> {
    for (const { name, parent, column, texts } of made)
      await login.query(`
        set role cf_owner; set search_path = app, public;
        create table ${name} (org_id uuid not null references organizations, id uuid not null, ${column} uuid, next_id uuid,
          ${Object.keys(texts)
            .map((text) => `${text} text, `)
            .join('')} primary key (org_id, id),
          foreign key (org_id, ${column}) references ${parent} (org_id, id),
          foreign key (org_id, next_id) references ${name} (org_id, id) on delete set null (next_id));
        select protect('${name}'); reset role`)
    const contacts = manifest.tables.filter(({ table: name }) => name === 'contacts')
    const declared = made.map((one) =>
      table(one.name, aboutContact(linkOf(one, made), 'contact_life'), {
        org_id: key,
        id: key,
        [one.column]: key,
        next_id: key,
        ...Object.fromEntries(
          Object.entries(one.texts).map(([text, how]) => [text, { export: how }]),
        ),
      }),
    )
    return [...contacts, ...declared]
  }

  type Planted = { canary: string; how: Export; whose: 'theirs' | 'others' }

  /** A row of each table for a contact, with a canary in each column; in the tables below too. */
  async function fill(made: Made[], contact: string | null, whose: Planted['whose']) {
    const planted: Planted[] = []
    const ids = new Map<string, string | null>([['contacts', contact]])
    for (const { name, parent, column, texts } of made) {
      const id = newId()
      const canaries = Object.entries(texts).map(([text, how]) => {
        const canary = newCanary()
        planted.push({ canary, how, whose })
        return [text, canary] as const
      })
      const columns = ['org_id', 'id', column, 'next_id', ...canaries.map(([text]) => text)]
      const values = [org.id, id, ids.get(parent) ?? null, id, ...canaries.map(([, one]) => one)]
      await login.query(
        `insert into app.${name} (${columns.join()}) values (${values.map((_v, i) => `$${i + 1}`).join()})`,
        values,
      )
      ids.set(name, id)
    }
    return planted
  }

  test.each(Array.from({ length: SCHEMAS }, (_none, n) => n + 1))(
    'a schema nobody wrote (number %i) is exported and erased by its declaration alone',
    async (seed) => {
      const made = inventTables(seed)
      const tables = await build(made)
      const [ana, leo] = [
        await createContact(app.on, org.id, { name: 'Ana', phone: `49151${10_000_000 + seed}` }),
        await createContact(app.on, org.id, { name: 'Leo', phone: `49152${10_000_000 + seed}` }),
      ]
      const planted = [
        ...(await fill(made, ana.id, 'theirs')),
        ...(await fill(made, ana.id, 'theirs')),
        ...(await fill(made, leo.id, 'others')),
        ...(await fill(made, null, 'others')),
      ]
      let exported = ''
      const subject = { kind: 'contact', org: org.id, id: ana.id } as const
      for (const part of await planExport(app.on, subject, tables))
        for await (const batch of readRows(app.on, part)) exported += JSON.stringify(batch)
      const wanted = planted.filter(({ how, whose }) => whose === 'theirs' && how === 'include')
      const found = planted.filter(({ canary }) => exported.includes(canary))
      expect(found).toEqual(wanted)

      const doomed = await planErasure(app.on, subject, tables)
      for (const one of doomed) await eraseRows(app.on, one, () => Promise.resolve())
      let left = ''
      for (const { name } of made)
        left += JSON.stringify((await login.query(`select * from app.${name}`)).rows)
      const stays = planted.filter(({ canary }) => left.includes(canary))
      expect(stays).toEqual(planted.filter(({ whose }) => whose === 'others'))
    },
  )

  describe('the real manifest', () => {
    let doors: { org: string | undefined; catalogue: Catalogue }[]
    beforeAll(async () => {
      doors = [
        { org: org.id, catalogue: await app.on.db.withTenant(org.id, readCatalogue) },
        { org: undefined, catalogue: await app.on.db.withSystem(readCatalogue) },
      ]
    })

    /** What an export and an erasure of everything would reach, by the plans that the real ones are made of. */
    function reach(tables: readonly Table[]): { exported: Set<string>; erased: Set<string> } {
      const subjects = [
        { kind: 'org', org: org.id },
        { kind: 'user', id: org.owner.id },
      ] as const
      const parts = subjects.flatMap((subject) =>
        doors.flatMap((door) => partsOf(tables, subject, door)),
      )
      const gone: Subject[] = [
        { kind: 'org', org: org.id },
        { kind: 'user', id: org.owner.id, orgs: [org.id] },
      ]
      const doomed = gone.flatMap((subject) =>
        doors.flatMap((door) => doomedIn(tables, subject, door)),
      )
      return {
        exported: new Set(
          parts.flatMap((part) => part.columns.map(({ name }) => `${part.table}.${name}`)),
        ),
        erased: new Set(doomed.map(({ table: name }) => name)),
      }
    }

    type Column = { name: string; table: string; column: string; entry: Entry }
    const personal = (tables: readonly Table[]): Column[] =>
      tables.flatMap(({ table: name, columns }) =>
        Object.entries(columns)
          .filter(([, { subject }]) => subject === 'account_user' || subject === 'contact')
          .map(([column, entry]) => ({ name: `${name}.${column}`, table: name, column, entry })),
      )

    /** Columns of people whose value an export does not reach, or whose value an erasure does not remove. */
    function gaps(tables: readonly Table[]): { unexported: string[]; unerased: string[] } {
      const { exported, erased } = reach(tables)
      const all = personal(tables)
      return {
        unexported: all.filter(({ name }) => !exported.has(name)).map(({ name }) => name),
        unerased: all
          .filter(
            ({ entry, table: name }) =>
              !(
                REMOVES.has(entry.erase) &&
                (erased.has(name) || entry.erase === 'null' || entry.link === 'expires')
              ),
          )
          .map(({ name }) => name),
      }
    }

    test('flipping one entry about a person, whichever it is, is noticed', () => {
      const survivors: string[] = []
      let tried = 0
      const tryOut = (declared: Table, { name, column, entry }: Column): void => {
        const before = gaps([declared])
        for (const [kind, flip] of FLIPS.filter(([gap]) => !before[gap].includes(name))) {
          tried += 1
          const columns = { ...declared.columns, [column]: { ...entry, ...flip } }
          if (!gaps([{ ...declared, columns }])[kind].includes(name))
            survivors.push(`${name} ${kind}`)
        }
      }
      for (const declared of manifest.tables)
        for (const column of personal([declared])) tryOut(declared, column)
      expect(tried).toBeGreaterThan(250)
      expect(survivors).toEqual([])
    })

    test('what of a person is not exported, or outlives an erasure, is what was agreed', () => {
      const { unexported, unerased } = gaps(manifest.tables)
      expect(unerased).toEqual([])
      // The organization is said once, in the export's own manifest.
      expect(unexported.filter((name) => !name.endsWith('.org_id')).toSorted()).toEqual(AGREED)
    })
  })

  test('no table is named in the code that exports, erases and sweeps', async () => {
    const { readFile } = await import('node:fs/promises')
    const named = new Set(manifest.tables.map(({ table: name }) => name))
    const found: string[] = []
    for (const file of ['deletions/erase.ts', 'privacy/export-rows.ts', 'privacy/due-rows.ts']) {
      const text = await readFile(`${import.meta.dirname}/../../src/${file}`, 'utf8')
      for (const [, name = ''] of text.matchAll(/(?:from|into|update) (?:app\.)?"?([a-z_]+)/g))
        if (named.has(name) && name !== 'organizations') found.push(`${file}: ${name}`)
    }
    expect(found).toEqual([])
  })
})
