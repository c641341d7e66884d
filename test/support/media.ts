import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { rows } from '../../src/db.ts'
import { fetchMedia } from '../../src/media/fetching.ts'
import type { MessageFile } from '../../src/media/files.ts'
import { getMessage } from '../../src/messages/messages.ts'
import { picture } from '../../src/sandbox/samples.ts'
import { startApp, type Running } from './app.ts'
import { startGraph, type Graph } from './graph.ts'
import type { GraphFile } from './graph-files.ts'
import { arrive } from './inbound.ts'
import { messageOf, messagesBody, newCustomer, seconds } from './meta.ts'
import type { Org } from './org.ts'

export const PHOTO: GraphFile = { bytes: picture(40, 30), mime: 'image/png' }
/** Longer than two of the chunks that are sealed. */
export const LONG: GraphFile = {
  bytes: Buffer.concat([Buffer.from('OggS'), Buffer.alloc(2_500_000, 'sound of the sea ')]),
  mime: 'audio/ogg; codecs=opus',
}

let ids = 7_000_000
/** Another id of WhatsApp's, under which the Graph API of ours has this file. */
export function newFile(graph: Graph, file: GraphFile): string {
  ids += 1
  graph.files.kept.set(String(ids), file)
  return String(ids)
}

export type Sent = { file?: GraphFile; more?: object; at?: Date }

/** A customer sends a file; answers the id of its message. Without a file WhatsApp does not know it. */
export async function theySend(
  { app: { on }, graph }: Pick<Hands, 'app' | 'graph'>,
  org: Org,
  kind: string,
  { file = PHOTO, more = {}, at = on.now() }: Sent = {},
): Promise<string> {
  const from = newCustomer()
  const content = { id: newFile(graph, file), mime_type: file.mime, ...more }
  const message = messageOf(from, '', { type: kind, [kind]: content, timestamp: seconds(at) })
  await arrive(on, org, messagesBody(org.connection, from, message))
  const [stored] = await on.db.withTenant(org.id, (tx) =>
    rows<{ id: string }>(tx, 'select id from messages where org_id = ? and wamid = ?', [
      org.id,
      message['id'] as string,
    ]),
  )
  return stored?.id ?? ''
}

export async function fileOf(on: Running['on'], org: Org, message: string): Promise<MessageFile> {
  const found = await on.db.withTenant(org.id, (tx) => getMessage(tx, org.id, message))
  if (!found?.media) throw new Error('no file')
  return found.media
}

export const folderOf = (on: Running['on'], org: Org): string =>
  path.join(on.config.DATA_DIR, 'media', org.id)

/** Where the files of an organization lie. */
export const filesOf = (on: Running['on'], org: Org): string[] =>
  existsSync(folderOf(on, org))
    ? readdirSync(folderOf(on, org), { recursive: true, withFileTypes: true })
        .filter((one) => one.isFile())
        .map(({ parentPath, name }) => path.join(parentPath, name))
    : []

export type Hands = {
  app: Running
  graph: Graph
  later(ms: number): void
  /** One attempt at a file, when it is due. */
  tryOnce(org: Org, message: string): Promise<MessageFile>
  /** A file that a customer sent, as it is after one attempt. */
  fetched(org: Org, kind: string, file: GraphFile, more?: object): Promise<MessageFile>
}

/** An app without workers, a Graph API of our own, and hands on the clock. */
export function useMedia(): Hands {
  let now = new Date('2026-11-24T12:00:00Z')
  const hands = {
    later: (ms: number): void => void (now = new Date(now.getTime() + ms)),
    async tryOnce(org: Org, message: string) {
      const { on } = hands.app
      const { id, due_at } = await fileOf(on, org, message)
      if (due_at) now = new Date(Math.max(now.getTime(), Date.parse(due_at)))
      await fetchMedia(on, { org: org.id, id })
      return fileOf(on, org, message)
    },
    async fetched(org: Org, kind: string, file: GraphFile, more = {}) {
      return hands.tryOnce(org, await theySend(hands, org, kind, { file, more }))
    },
  } as Hands
  beforeAll(async () => {
    hands.graph = await startGraph()
    hands.app = await startApp({
      workers: false,
      now: () => now,
      env: { GRAPH_API_URL: hands.graph.url },
    })
  })
  afterAll(() => hands.graph.stop())
  beforeEach(() => {
    hands.graph.files.calls.splice(0)
    for (const list of Object.values(hands.graph.files.odd)) list.splice(0)
  })
  return hands
}
