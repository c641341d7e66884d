import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Resources } from '../resources.ts'
import type { Store } from './manifest/vocabulary.ts'
import { covers } from './patterns.ts'

const KEYS = /^(?:queue|keys) (.+)$/
/** What a file is called until it is whole. */
const HALF_WRITTEN = /\.[0-9a-f]{12}$/

/** Names in the store of the queues, Redis keys of ours among them, that no entry has. */
export async function findStrayKeys(on: Resources, stores: readonly Store[]): Promise<string[]> {
  const declared = new Set(stores.flatMap(({ store }) => KEYS.exec(store)?.[1] ?? []))
  return (await on.queues.names()).filter((name) => !declared.has(name))
}

/** Files below DATA_DIR, and below the folder of MEDIA_URL, that no entry matches: by their path from there. */
export async function findStrayFiles(on: Resources, stores: readonly Store[]): Promise<string[]> {
  const roots = rootsOf(on)
  const stray: string[] = []
  for (const [name, folder] of Object.entries(roots)) {
    const patterns = stores.flatMap(({ files = [] }) =>
      files
        .filter((pattern) => pattern.startsWith(`${name}:`))
        .map((pattern) => pattern.slice(name.length + 1).split('/')),
    )
    const others = Object.values(roots).filter((other) => other !== folder)
    stray.push(...(await walk(folder, { patterns, others })))
  }
  return stray
}

/** Media on a server of objects lie under the organization's id by construction; there is no folder to look into. */
export function rootsOf({ config }: Resources): Record<string, string> {
  const data = path.resolve(config.DATA_DIR)
  return config.MEDIA_URL.startsWith('file:')
    ? { data, media: path.resolve(fileURLToPath(new URL(config.MEDIA_URL, 'file:///'))) }
    : { data }
}

type Look = { patterns: string[][]; others: string[] }

async function walk(root: string, { patterns, others }: Look, below = ''): Promise<string[]> {
  const folder = path.join(root, below)
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const stray: string[] = []
  for (const entry of entries) {
    const place = path.posix.join(below, entry.name)
    const parts = place.split('/')
    if (!entry.isDirectory()) {
      const whole = place.replace(HALF_WRITTEN, '').split('/')
      if (!patterns.some((pattern) => covers(pattern, whole))) stray.push(place)
    } else if (!others.includes(path.join(root, place)) && !isOpen(patterns, parts))
      stray.push(...(await walk(root, { patterns, others }, place)))
  }
  return stray
}

/** A pattern that takes whatever lies below this folder: a database has thousands of files. */
const isOpen = (patterns: string[][], folder: string[]): boolean =>
  patterns.some(
    (pattern) =>
      pattern.at(-1) === '**' &&
      pattern.length === folder.length + 1 &&
      covers(pattern.slice(0, -1), folder),
  )
