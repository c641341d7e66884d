import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { ConfigError } from '../config.ts'
import { readIfThere, writeWhole } from './files.ts'

/** The secrets that an embedded installation makes for itself; each lies in a file of mode 0600 in DATA_DIR. */
export type EmbeddedKeys = { masterKey: string; sessionSecret: string; databasePassword: string }

const FIRST_PASSWORD = 'first-password'

/** A new value for CHATFLOW_MASTER_KEY: `id:base64(32 bytes)`; the id is not secret. */
export const newMasterKey = (): string =>
  `k${randomBytes(4).toString('hex')}:${randomBytes(32).toString('base64')}`

/**
 * Read the keys, making those that are missing. A database that exists was sealed and locked with keys
 * that exist: then a missing one is refused instead of replaced, or the data would become unreadable.
 * A `masterKey` that the operator gives is used instead of a file.
 */
export async function openKeys(
  folder: string,
  { databaseExists, masterKey }: { databaseExists: boolean; masterKey: string | undefined },
): Promise<EmbeddedKeys> {
  const once = (make: () => string): (() => string) | undefined =>
    databaseExists ? undefined : make
  return {
    masterKey: masterKey ?? (await keyFile(folder, 'master.key', once(newMasterKey))),
    sessionSecret: await keyFile(folder, 'session.key', newSecret),
    databasePassword: await keyFile(folder, 'postgres.password', once(newSecret)),
  }
}

/** The keys of a folder that another process has opened; throws ConfigError when one is missing. */
export async function readKeys(folder: string, masterKey?: string): Promise<EmbeddedKeys> {
  return {
    masterKey: masterKey ?? (await keyFile(folder, 'master.key')),
    sessionSecret: await keyFile(folder, 'session.key'),
    databasePassword: await keyFile(folder, 'postgres.password'),
  }
}

/** The file of the first person's password: 20 characters from 32 that cannot be mistaken for each other, 100 bits. */
export const firstPassword = (folder: string): Promise<string> =>
  keyFile(folder, FIRST_PASSWORD, () => {
    const letters = 'abcdefghijkmnpqrstuvwxyz23456789'
    const text = Array.from(randomBytes(20), (byte) => letters[byte % 32]).join('')
    return text.replaceAll(/(.{5})(?=.)/g, '$1-')
  })

export const firstPasswordFile = (folder: string): string => path.join(folder, FIRST_PASSWORD)

const newSecret = (): string => randomBytes(32).toString('base64url')

async function keyFile(folder: string, name: string, make?: () => string): Promise<string> {
  const file = path.join(folder, name)
  const found = await readIfThere(file)
  if (found) return found
  if (!make)
    throw new ConfigError(
      `DATA_DIR: ${file} is missing, and the database beside it does not open without it: restore the file, or begin anew in another DATA_DIR`,
    )
  const made = make()
  await writeWhole(file, `${made}\n`)
  return made
}
