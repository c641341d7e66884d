import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { Router, type Response } from 'express'
import { ROOT } from '../root.ts'
import { access } from './access.ts'

type Asset = { url: string; type: string; body: Buffer; packed: Map<string, Promise<Buffer>> }
export type Assets = {
  /** The address of a file of ours, with the hash of its content; throws for a name that is not served. */
  asset(name: string): string
  routes: Router
}

const TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.png': 'image/png',
}
const PACKERS: Record<string, (body: Buffer) => Promise<Buffer>> = {
  br: (body) =>
    promisify(brotliCompress)(body, {
      params: { [constants.BROTLI_PARAM_SIZE_HINT]: body.length },
    }),
  gzip: (body) => promisify(gzip)(body, { level: 9 }),
}

/** Stylesheets, scripts, icons and htmx, read once; each address carries its hash and may be kept for ever. */
export function openAssets(root = ROOT): Assets {
  const assets = new Map<string, Asset>()
  for (const [name, body] of contents(root)) assets.set(name, toAsset(name, body))
  return {
    asset(name) {
      const found = assets.get(name)
      if (!found) throw new Error(`no asset is named ${name}`)
      return found.url
    },
    routes: assetRoutes(assets),
  }
}

function* contents(root: string): Generator<[name: string, body: string | Buffer]> {
  const folder = (name: string): string => path.join(root, 'public', name)
  const htmx = path.join(root, 'node_modules/htmx.org/dist')
  yield ['htmx.js', unmapped(path.join(htmx, 'htmx.min.js'))]
  yield ['hx-sse.js', unmapped(path.join(htmx, 'ext/hx-sse.min.js'))]
  yield ['app.css', joinStyles(folder('css'), 'app.css')]
  yield ['app.js', joinModules(folder('js'), 'app.js')]
  // A script that the joined one does not import belongs to one page and is served by itself.
  const joined = new Set(importsOf(folder('js'), 'app.js'))
  for (const file of readdirSync(folder('js')).filter((name) => !joined.has(name))) {
    yield [file, readFileSync(path.join(folder('js'), file))]
  }
  for (const file of readdirSync(folder('img'))) {
    yield [file, readFileSync(path.join(folder('img'), file))]
  }
}

function toAsset(name: string, content: string | Buffer): Asset {
  const body = Buffer.from(content)
  const hash = createHash('sha256').update(body).digest('base64url').slice(0, 12)
  const type = TYPES[path.extname(name)] ?? 'application/octet-stream'
  return { url: `/assets/${hash}/${name}`, type, body, packed: new Map() }
}

/** The source maps are not served, so the line that names them would only make a failed request. */
const unmapped = (file: string): string =>
  readFileSync(file, 'utf8').replace(/\n?\/\/# sourceMappingURL=.*\s*$/, '\n')

/** Each `@import url("x") layer(y)` of the entry becomes `@layer y { … }`, so that one request brings all. */
function joinStyles(folder: string, entry: string): string {
  const read = (file: string): string => readFileSync(path.join(folder, file), 'utf8')
  return read(entry)
    .replace(
      /@import url\(["']([^"']+)["']\) layer\((\w+)\);/g,
      (_line, file: string, layer: string) => `@layer ${layer} {\n${read(file)}}`,
    )
    .replace(/\/\*[^]*?\*\//g, '')
    .replace(/\n\s*\n/g, '\n')
}

const IMPORT = /^import \{[^}]*\} from '\.\/([\w-]+\.js)'\n/gm

/** The modules of one entry in the order they need each other, the entry last. */
function importsOf(folder: string, file: string, seen: string[] = []): string[] {
  if (seen.includes(file)) return seen
  const text = readFileSync(path.join(folder, file), 'utf8')
  for (const [, wanted] of text.matchAll(IMPORT)) importsOf(folder, wanted ?? '', seen)
  if (!seen.includes(file)) seen.push(file)
  return seen
}

/**
 * The entry and what it imports as one module: a dozen small files would be a dozen requests on the first page.
 * They share one scope, so names at the top of a file are unique in the folder; a clash is a syntax error.
 */
function joinModules(folder: string, entry: string): string {
  return importsOf(folder, entry)
    .map((file) => readFileSync(path.join(folder, file), 'utf8'))
    .map((text) => text.replace(IMPORT, '').replace(/^export /gm, ''))
    .join('\n')
}

function assetRoutes(assets: Map<string, Asset>): Router {
  const router = Router()
  router.get<{ hash: string; name: string }>(
    '/assets/:hash/:name',
    access('public'),
    async (req, res, next) => {
      const found = assets.get(req.params.name)
      if (!found) return next()
      // A page of the version before may still ask with its hash: it gets today's file, but does not keep it.
      const current = found.url === `/assets/${req.params.hash}/${req.params.name}`
      res.set('Cache-Control', current ? 'public, max-age=31536000, immutable' : 'no-cache')
      const coding = req.acceptsEncodings('br', 'gzip', 'identity')
      await send(res, found, typeof coding === 'string' ? coding : 'identity')
    },
  )
  return router
}

async function send(res: Response, found: Asset, coding: string): Promise<void> {
  res.vary('Accept-Encoding').type(found.type)
  const pack = PACKERS[coding]
  if (pack) {
    const packed = found.packed.get(coding) ?? pack(found.body)
    found.packed.set(coding, packed)
    res.set('Content-Encoding', coding).send(await packed)
  } else {
    res.send(found.body)
  }
}
