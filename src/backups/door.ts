import pg from 'pg'
import { rows } from '../db.ts'
import type { Resources } from '../resources.ts'

const USUAL = 'usage on schema app'

/**
 * Take away the way into the schema from pages and workers, in whichever process: the database itself refuses them until
 * `letIn`, through crashes and restarts. Answers how to give it back, which does nothing while another restore is open.
 */
export async function shut(on: Resources): Promise<() => Promise<void>> {
  await asLogin(on, (client) => client.query(`revoke ${USUAL} from cf_app, cf_system`))
  on.events.publish({ kind: 'maintenance' })
  return async () => {
    const open = await on.db.withSystem((tx) =>
      rows(tx, 'select 1 from restores where opened_at is null limit 1'),
    )
    if (open.length > 0) return
    await asLogin(on, (client) => client.query(`grant ${USUAL} to cf_app, cf_system`))
    on.events.publish({ kind: 'maintenance' })
  }
}

/** Everything that was deleted is deleted again: pages and workers are let in, and connections read anew. */
export async function letIn(
  on: Resources,
  { backup, replayed }: { backup: string; replayed: number },
): Promise<void> {
  await asLogin(on, async (client) => {
    await client.query('begin; set local role cf_restore_system')
    await client.query(
      `update app.restores set opened_at = $1, replayed = $2 where backup_id = $3 and opened_at is null`,
      [on.now(), replayed, backup],
    )
    await client.query(`reset role; grant ${USUAL} to cf_app, cf_system; commit`)
  })
  on.events.publish({ kind: 'maintenance' })
  on.events.publish({ kind: 'connections' })
}

/** The schema belongs to the login that migrates. */
async function asLogin(on: Resources, run: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({
    connectionString: on.config.DATABASE_URL,
    application_name: 'chatflow',
  })
  await client.connect()
  try {
    await run(client)
  } finally {
    await client.end()
  }
}
