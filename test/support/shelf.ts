import { syncTemplates } from '../../src/templates/sync.ts'
import { askSync } from '../../src/templates/syncs.ts'
import type { Desk } from './desk.ts'
import type { templateOf } from './graph-templates.ts'
import { arrive, read } from './inbound.ts'
import type { Org } from './org.ts'

type Loose = Record<string, unknown>

/** The templates of an organization's account at a desk's Graph API. */
export type Shelf = {
  readonly org: Org
  readonly waba: string
  see<T = Loose>(sql: string): Promise<T[]>
  /** Meta has these and no others, and that was read. */
  stand(...listed: ReturnType<typeof templateOf>[]): Promise<void>
  /** A webhook about the account; `time` in seconds. */
  tell(field: string, value: Loose, time?: number): Promise<void>
  /** What a webhook says of where a template stands. */
  word(name: string, event: string, more?: Loose, time?: number): Promise<void>
  idOf(name: string): Promise<string>
}

/** An organization of its own for each test, whose templates are asked for as often as the test says so. */
export function useShelf(desk: Desk): Shelf {
  let org: Org | undefined
  beforeEach(async () => {
    org = await desk.app.org()
    desk.graph.templates.calls.length = 0
  })
  const shelf: Shelf = {
    get org() {
      if (!org) throw new Error('an organization is there inside a test only')
      return org
    },
    get waba() {
      return shelf.org.connection.wabaId
    },
    see: (sql) => read(desk.app.on, shelf.org, sql),
    async stand(...listed) {
      const at = { org: shelf.org.id, waba: shelf.waba }
      desk.graph.templates.of[at.waba] = listed
      await desk.app.on.db.withTenant(at.org, (tx) => askSync(tx, at.org, at.waba))
      await syncTemplates(desk.app.on, at)
    },
    tell: (field, value, time = Date.now() / 1_000) =>
      arrive(desk.app.on, shelf.org, {
        object: 'whatsapp_business_account',
        entry: [{ id: shelf.waba, time: Math.floor(time), changes: [{ field, value }] }],
      }),
    word: (name, event, more = {}, time) =>
      shelf.tell(
        'message_template_status_update',
        { event, message_template_name: name, message_template_language: 'en', ...more },
        time,
      ),
    async idOf(name) {
      const [found] = await shelf.see<{ id: string }>(
        `select id from templates where org_id = :org and name = '${name}'`,
      )
      return found?.id ?? ''
    },
  }
  return shelf
}
