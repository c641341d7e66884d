import type { Express } from 'express'
import { ACCESS, SUDO, type Level } from './access.ts'

/** One way into the product: the first handler of a route for one method says who may use it. */
export type Way = { method: string; path: string; level: Level | undefined; sudo: boolean }

type Handler = { handle: { [ACCESS]?: Level; [SUDO]?: boolean }; method?: string }
type Layer = {
  route?: { path: string | string[]; stack: Handler[] }
  handle: { stack?: Layer[] }
  name: string
  match?: (path: string) => boolean
}

/** The prefixes under which routers are mounted; Express keeps only a matcher, so each is tried. */
const MOUNTS = ['/api/v1', '/sandbox', '/graph']

/** Every route that is registered, whoever registered it, found in Express' own stack. */
export const findWays = (app: Express): Way[] =>
  walk((app.router as unknown as { stack: Layer[] }).stack, '')

function walk(stack: Layer[], at: string): Way[] {
  return stack.flatMap((layer) => {
    if (layer.route) return [layer.route.path].flat().flatMap((path) => waysOf(layer, at + path))
    const inner = layer.handle.stack
    return inner ? walk(inner, at + prefixOf(layer)) : []
  })
}

function waysOf({ route }: Layer, path: string): Way[] {
  const first = new Map<string, Handler>()
  for (const handler of route?.stack ?? []) {
    const method = (handler.method ?? 'all').toUpperCase()
    if (!first.has(method)) first.set(method, handler)
  }
  // `app.all` registers some thirty methods one by one.
  const isAll = first.size > 20
  return [...first].slice(0, isAll ? 1 : undefined).map(([method, { handle }]) => ({
    method: isAll ? 'ALL' : method,
    path,
    level: handle[ACCESS],
    sudo: handle[SUDO] === true,
  }))
}

/** A router mounted without a prefix matches any path. */
function prefixOf(layer: Layer): string {
  const matches = (path: string): boolean => layer.match?.(path) ?? false
  return matches('/nowhere-in-particular') ? '' : (MOUNTS.find(matches) ?? '<unknown mount>')
}
