import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'

/** A file as WhatsApp keeps it; what is told of it may be false. */
export type GraphFile = {
  bytes: Buffer
  mime: string
  sha256?: string
  size?: number
  /** Where it says the bytes lie; here unless told. */
  url?: string
}
/** How the next asking or fetching is answered instead; `cut` breaks the connection in the middle. */
type Odd = 'cut' | { status: number; body?: string; headers?: Record<string, string> }

export type GraphFiles = {
  /** By Meta's id: what customers sent, and what was uploaded. */
  kept: Map<string, GraphFile>
  /** Each asking for an address, fetching, uploading and deleting, in order. */
  calls: { what: 'ask' | 'fetch' | 'upload' | 'delete'; id: string; token: string }[]
  /** Replies for the next askings and fetchings, in their order; afterwards as it should be. */
  odd: { ask: Odd[]; fetch: Odd[]; upload: Odd[]; delete: Odd[] }
  uploads: { id: string; type: string; name: string; bytes: Buffer }[]
  take(req: IncomingMessage, res: ServerResponse): Promise<boolean>
}

/** The media of a Graph API of our own: `GET /{id}`, the address it gives, `POST /{number}/media` and `DELETE /{id}`. */
export function keepFiles(): GraphFiles {
  const files: GraphFiles = {
    kept: new Map(),
    calls: [],
    odd: { ask: [], fetch: [], upload: [], delete: [] },
    uploads: [],
    async take(req, res) {
      const asked = askedIn(files, req)
      if (!asked) return false
      files.calls.push(asked)
      const odd = files.odd[asked.what].shift()
      if (odd === 'cut') cut(res, files.kept.get(asked.id))
      else if (odd) res.writeHead(odd.status, odd.headers).end(odd.body)
      else await ANSWERS[asked.what](files, { id: asked.id, req, res })
      return true
    },
  }
  return files
}

type Asked = GraphFiles['calls'][number]
type Call = { id: string; req: IncomingMessage; res: ServerResponse }

const WHAT: Readonly<Record<string, Asked['what']>> = {
  'POST media': 'upload',
  'GET ': 'ask',
  'DELETE ': 'delete',
}

/** What of ours is asked for; undefined where it is something else. */
function askedIn(
  { kept }: GraphFiles,
  { method, url, headers }: IncomingMessage,
): Asked | undefined {
  const [, first, id = '', last = ''] = new URL(url ?? '', 'http://graph').pathname.split('/')
  const token = (headers.authorization ?? '').replace('Bearer ', '')
  const what = first === 'bytes' ? 'fetch' : WHAT[`${method} ${last}`]
  if (what === undefined || (what === 'ask' && !kept.has(id))) return undefined
  return { what, id, token }
}

const ANSWERS: Record<Asked['what'], (files: GraphFiles, call: Call) => void | Promise<void>> = {
  ask: describe,
  upload,
  delete: ({ kept }, { id, res }) =>
    kept.delete(id)
      ? json(res, { success: true })
      : void res.writeHead(404).end('{"error":{"code":100,"error_subcode":33}}'),
  fetch: ({ kept }, { id, res }) => void res.writeHead(200).end(kept.get(id)?.bytes),
}

function describe({ kept }: GraphFiles, { id, req, res }: Call): void {
  const { bytes, mime, sha256, size, url } = kept.get(id) as GraphFile
  json(res, {
    messaging_product: 'whatsapp',
    url: url ?? `http://${req.headers.host}/bytes/${id}`,
    mime_type: mime,
    sha256: sha256 ?? createHash('sha256').update(bytes).digest('hex'),
    file_size: String(size ?? bytes.length),
    id,
  })
}

function cut(res: ServerResponse, file: GraphFile | undefined): void {
  const { bytes = Buffer.alloc(0) } = file ?? {}
  res.writeHead(200, { 'content-length': bytes.length })
  res.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => res.destroy())
}

async function upload(files: GraphFiles, { req, res }: Call): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk as Buffer)
  const form = await new Response(new Uint8Array(Buffer.concat(chunks)), {
    headers: { 'content-type': req.headers['content-type'] ?? '' },
  }).formData()
  const [file, type] = [form.get('file') as File, form.get('type') as string]
  const id = String(9_000_000_000 + files.uploads.length)
  const bytes = Buffer.from(await file.arrayBuffer())
  files.uploads.push({ id, type, name: file.name, bytes })
  files.kept.set(id, { bytes, mime: file.type })
  json(res, { id })
}

const json = (res: ServerResponse, body: object): void =>
  void res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
