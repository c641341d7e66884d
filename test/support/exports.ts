import { mkdtempSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { rows, type Db } from '../../src/db.ts'
import { newId } from '../../src/ids.ts'
import { sealFor } from '../../src/keys.ts'
import { exportToFile } from '../../src/privacy/export-file.ts'
import type { ExportSubject } from '../../src/privacy/export-plan.ts'
import type { Manifest } from '../../src/privacy/export.ts'
import { openSpool } from '../../src/privacy/spool.ts'
import { readZip } from '../../src/privacy/unzip.ts'
import { writeZip } from '../../src/privacy/zip.ts'
import type { Running } from './app.ts'
import type { Org } from './org.ts'
import { received, talkWith, type Talk } from './program.ts'

const folder = mkdtempSync(path.join(os.tmpdir(), 'chatflow-exports-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

export const newZip = (): string => path.join(folder, `${newId()}.zip`)

/** All files of a ZIP as text. */
export async function filesOf(file: string): Promise<Record<string, string>> {
  const zip = await readZip(file)
  const files: Record<string, string> = {}
  try {
    for (const name of zip.names) {
      const parts: Buffer[] = []
      for await (const part of zip.read(name)) parts.push(part)
      files[name] = Buffer.concat(parts).toString('utf8')
    }
  } finally {
    await zip.close()
  }
  return files
}

/** A ZIP of these texts that is sound as a ZIP; `limit` small forces ZIP64. */
export async function zipOf(texts: Record<string, string>, limit?: number): Promise<string> {
  const name = newZip()
  const file = await open(name, 'wx')
  const zip = writeZip((bytes) => file.writeFile(bytes), new Date('2026-11-24T08:30:20Z'), limit)
  for (const [each, text] of Object.entries(texts)) {
    const spool = await openSpool(folder)
    for (let at = 0; at < text.length; at += 1_000) await spool.write(text.slice(at, at + 1_000))
    await zip.add(await spool.finish(each))
    await spool.close()
  }
  await zip.end()
  await file.close()
  return name
}

export async function exportOf(app: Running, subject: ExportSubject) {
  const made = await exportToFile(app.on, subject, newZip())
  const files = await filesOf(made.file)
  const about = JSON.parse(files['manifest.json'] ?? '') as Manifest
  return { ...made, files, about }
}

export const linesOf = (text = ''): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>)

export const inOrg = (app: Running, org: Org, sql: string, values: (string | null)[]) =>
  app.on.db.withTenant(org.id, (tx) => rows<Record<string, unknown>>(tx, sql, values))

/** The database, with something done before each tenant's door of a snapshot, outside of it. */
export const watchedDoors = (db: Db, before: () => Promise<void>): Db => ({
  ...db,
  snapshot: (run) =>
    db.snapshot((ways) =>
      run({
        ...ways,
        async withTenant(at, step) {
          await before()
          return ways.withTenant(at, step)
        },
      }),
    ),
})

/** Somebody who wrote `count` messages, one with an original object that lies sealed. */
export async function talkOf(app: Running, org: Org, count: number): Promise<Talk> {
  const made = await talkWith(app, org)
  const [first = ''] = await received(app, org, made, { count })
  await app.on.db.withTenant(org.id, async (tx) => {
    const place = { purpose: 'messages|raw', org: org.id, row: first }
    const raw = await sealFor(app.on, tx, place, '{"odd":"thing"}')
    await rows(tx, 'update messages set raw = ? where org_id = ? and id = ?', [raw, org.id, first])
    await rows(
      tx,
      `insert into message_events (org_id, wamid, status, rank, at, connection_id) values (?, ?, 'read', 60, now(), ?)`,
      [org.id, `wamid.${first}`, org.connection.id],
    )
  })
  return made
}
