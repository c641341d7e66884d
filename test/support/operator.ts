import { rows } from '../../src/db.ts'
import type { Running } from './app.ts'
import type { Org } from './org.ts'
import { signInAs } from './sign-in.ts'
import { visit, type Visitor } from './visitor.ts'

/** Whom OPS_EMAILS has to name for `operator` to have effect. */
export const OPERATORS = 'ops@example.test,second@example.test'

/** An operator of the installation, in an organization of their own, signed in. */
export async function operator(app: Running, email = 'ops@example.test'): Promise<Visitor> {
  const org = await app.org()
  await app.on.db.withSystem((tx) =>
    rows(tx, 'update users set email = ? where id = ?', [email, org.owner.id]),
  )
  return visit(app, { cookie: await signInAs(app.on, org, org.owner) })
}

/** What an organization's audit log says of one action, the oldest first. */
export const audited = (app: Running, org: Org, action: string): Promise<object[]> =>
  app.on.db.withTenant(org.id, (tx) =>
    rows(
      tx,
      'select actor_kind, detail from audit_log where org_id = ? and action = ? order by seq',
      [org.id, action],
    ),
  )
