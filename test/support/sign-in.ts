import { createHmac } from 'node:crypto'
import { hashedId } from '../../src/accounts/sessions.ts'
import { rows } from '../../src/db.ts'
import { newCode } from '../../src/ids.ts'
import type { Resources } from '../../src/resources.ts'

/**
 * The `Cookie` header of a browser in which `person` is signed in to `org`, without the form and its password hash.
 * The password counts as entered at `authAt`. Writes need an `Origin: <url of the app>` header too, as browsers send it.
 */
export async function signInAs(
  on: Resources,
  org: { id: string },
  person: { id: string },
  authAt = on.now().getTime(),
): Promise<string> {
  const sid = newCode()
  const now = on.now()
  const sess = { uid: person.id, org: org.id, device: 'A test', authAt, cookie: { path: '/' } }
  await on.db.withSystem((tx) =>
    rows(tx, 'insert into user_sessions (sid, sess, expire, created_at) values (?, ?, ?, ?)', [
      hashedId(sid),
      JSON.stringify(sess),
      new Date(now.getTime() + 86_400_000),
      now,
    ]),
  )
  return `cf_dev=${encodeURIComponent(`s:${sid}.${signature(on, sid)}`)}`
}

/** As the package `cookie-signature` makes it for express-session. */
function signature(on: Resources, sid: string): string {
  const given = on.config.SESSION_SECRET?.reveal('sign_cookies')
  const secret = given ?? on.vault.derive('session').toString('base64url')
  return createHmac('sha256', secret).update(sid).digest('base64').replace(/=+$/, '')
}
