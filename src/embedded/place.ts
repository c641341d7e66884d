import { createHash, randomBytes } from 'node:crypto'
import {
  access,
  chmod,
  constants,
  chown,
  mkdir,
  realpath,
  rename,
  rm,
  stat,
} from 'node:fs/promises'
import path from 'node:path'
import { ConfigError } from '../config.ts'
import { codeOf, readIfThere, writeNew, writeWhole } from './files.ts'
import { canEnter, type OsUser } from './os-user.ts'

/** Where the database of an instance lies whose DATA_DIR its user cannot enter. */
export const ELSEWHERE = '/var/lib/chatflow'

/**
 * Make a folder of mode 0700; one that was there keeps its mode. Made by root it belongs to the database's user, who
 * could not enter it otherwise; keys in it are root's and closed to that user.
 */
export async function makeFolder(folder: string, user: OsUser | undefined): Promise<void> {
  await mkdir(path.dirname(folder), { recursive: true })
  try {
    await mkdir(folder, { mode: 0o700 })
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return
    throw error
  }
  if (user) await chown(folder, user.uid, user.gid)
}

/** DATA_DIR, made if missing and proven to take a file; returns its real path. */
export async function openDataDir(folder: string, user: OsUser | undefined): Promise<string> {
  try {
    await makeFolder(folder, user)
    const probe = path.join(folder, `probe.${randomBytes(6).toString('hex')}`)
    await writeNew(probe, '')
    await rm(probe)
    return await realpath(folder)
  } catch (error) {
    throw new ConfigError(
      `DATA_DIR: ${folder} cannot be written (${codeOf(error) || 'unknown error'}), e.g. DATA_DIR=/var/lib/chatflow-data`,
    )
  }
}

/**
 * The folder that holds the cluster `pg`: DATA_DIR itself, or, where the database's user cannot enter a folder above,
 * one under /var/lib/chatflow that `DATA_DIR/postgres.path` names from then on.
 */
export async function placeOf(dataDir: string, user: OsUser | undefined): Promise<string> {
  const note = path.join(dataDir, 'postgres.path')
  const noted = await readIfThere(note)
  if (noted !== undefined) return insist(noted, note)
  if (!user || (await canEnter(user, dataDir))) return dataDir
  if (await hasCluster(dataDir))
    throw new ConfigError(
      `DATA_DIR: the database's user (uid ${user.uid}) may not enter ${dataDir} any more: allow it with chmod o+x on the folders above`,
    )
  const hash = createHash('sha256').update(dataDir).digest('hex').slice(0, 16)
  const place = path.join(ELSEWHERE, hash)
  try {
    await mkdir(ELSEWHERE, { recursive: true, mode: 0o711 })
    await chmod(ELSEWHERE, 0o711)
    await setAside(place)
    await mkdir(place, { mode: 0o700 })
    await chown(place, user.uid, user.gid)
  } catch (error) {
    throw new ConfigError(
      `DATA_DIR: the database cannot lie in ${dataDir}, because its user may not enter it, nor in ${place} (${codeOf(error)}), e.g. DATA_DIR=/srv/chatflow`,
    )
  }
  await writeWhole(note, `${place}\n`)
  return place
}

export const hasCluster = (place: string): Promise<boolean> =>
  access(path.join(place, 'pg', 'PG_VERSION')).then(
    () => true,
    () => false,
  )

async function insist(place: string, note: string): Promise<string> {
  const barrier = await access(place, constants.W_OK).then(
    () => undefined,
    (error: unknown) => codeOf(error),
  )
  if (barrier === undefined) return place
  throw new ConfigError(
    `DATA_DIR: the database lies in ${place}, as ${note} says, which cannot be used (${barrier}): bring it back or start as root, or begin anew in another DATA_DIR`,
  )
}

/** A folder of this name belongs to a DATA_DIR that was deleted: its keys are gone, yet it is not ours to delete. */
async function setAside(place: string): Promise<void> {
  const there = await stat(place).catch(() => undefined)
  if (there) await rename(place, `${place}.${Date.now()}`)
}
