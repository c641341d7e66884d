import { createReadStream } from 'node:fs'
import { open, readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { createGunzip } from 'node:zlib'
import { readZip } from '../privacy/unzip.ts'
import type { Matcher } from './matcher.ts'

/** A file in which values were found, in its name or in what it holds. */
export type Hit = { place: string; values: number[]; age_s: number | null }

const GZIP = Buffer.from([0x1f, 0x8b])
const ZIP = Buffer.from([0x50, 0x4b, 3, 4])

/**
 * Look into every file below a folder, gzip and ZIP opened; `names` looks at names alone. A file that goes meanwhile holds
 * nothing any more. A name that holds a value is not repeated.
 */
export async function searchFiles(
  root: string,
  matcher: Matcher,
  { now, names = false, skip = [] }: { now: Date; names?: boolean; skip?: string[] },
): Promise<Hit[]> {
  const hits: Hit[] = []
  for await (const file of filesBelow(root, skip)) {
    const name = path.relative(root, file)
    matcher.look(Buffer.from(name))
    const named = matcher.found()
    const inside = names ? [] : await lookInto(file, matcher)
    const values = [...new Set([...named, ...inside])]
    if (values.length === 0) continue
    const facts = await stat(file).catch(() => undefined)
    const age_s = facts ? Math.round((now.getTime() - facts.mtimeMs) / 1000) : null
    const shown = named.length > 0 ? path.join(path.dirname(name), '…') : name
    hits.push({ place: `file ${shown}`, values, age_s })
  }
  return hits
}

async function* filesBelow(folder: string, skip: string[]): AsyncGenerator<string> {
  if (skip.includes(folder)) return
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  for (const entry of entries) {
    const place = path.join(folder, entry.name)
    if (entry.isDirectory()) yield* filesBelow(place, skip)
    else if (entry.isFile()) yield place
  }
}

async function lookInto(file: string, matcher: Matcher): Promise<number[]> {
  const found = new Set<number>()
  const take = async (bytes: AsyncIterable<Buffer>): Promise<void> => {
    try {
      for await (const part of bytes) matcher.look(part)
    } catch {
      // Gone meanwhile, or no archive after all: its bytes as they lie were looked at.
    }
    for (const n of matcher.found()) found.add(n)
  }
  const start = await startOf(file)
  await take(createReadStream(file))
  if (start.subarray(0, 2).equals(GZIP)) await take(createReadStream(file).pipe(createGunzip()))
  if (start.equals(ZIP)) await eachInZip(file, take)
  return [...found]
}

async function startOf(file: string): Promise<Buffer> {
  const handle = await open(file, 'r').catch(() => undefined)
  if (!handle) return Buffer.alloc(0)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

async function eachInZip(
  file: string,
  take: (bytes: AsyncIterable<Buffer>) => Promise<void>,
): Promise<void> {
  const zip = await readZip(file).catch(() => undefined)
  if (!zip) return
  try {
    for (const name of zip.names) await take(zip.read(name))
  } finally {
    await zip.close()
  }
}
