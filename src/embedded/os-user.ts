import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { ConfigError } from '../config.ts'

const run = promisify(execFile)

/** Whom the database's processes run as. */
export type OsUser = { uid: number; gid: number }

const NAME = process.platform === 'darwin' ? '_postgres' : 'postgres'

/**
 * PostgreSQL refuses to run as root, so there it gets a user of its own, made if missing; undefined means "as
 * ourselves". An existing `cluster` keeps its owner: it may have been started by somebody else before.
 */
export async function databaseUser(cluster: string): Promise<OsUser | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const owner = await stat(cluster).catch(() => undefined)
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid }
  return (await find()) ?? (await make())
}

/** True when the user may pass through every folder down to and including this one; missing ones are left out. */
export async function canEnter(user: OsUser | undefined, folder: string): Promise<boolean> {
  if (!user) return true
  for (let at = path.resolve(folder); ; at = path.dirname(at)) {
    const facts = await stat(at).catch(() => undefined)
    if (facts && !mayPass(user, facts)) return false
    if (at === path.dirname(at)) return true
  }
}

function mayPass(user: OsUser, facts: { uid: number; gid: number; mode: number }): boolean {
  if (facts.uid === user.uid) return (facts.mode & 0o100) !== 0
  if (facts.gid === user.gid) return (facts.mode & 0o010) !== 0
  return (facts.mode & 0o001) !== 0
}

async function find(): Promise<OsUser | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', NAME]), run('id', ['-g', NAME])])
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
  } catch {
    return undefined
  }
}

/** `useradd` on most systems, the smaller `adduser` on the rest. */
async function make(): Promise<OsUser> {
  const nowhere = ['-s', '/sbin/nologin', NAME]
  await run('useradd', ['--system', '--user-group', '--no-create-home', ...nowhere]).catch(() =>
    run('adduser', ['-S', '-D', '-H', ...nowhere]).catch(() => undefined),
  )
  const made = await find()
  if (made) return made
  throw new ConfigError(
    `PostgreSQL does not run as root and the user ${NAME} could not be made: start as another user, or set DATABASE_URL`,
  )
}
