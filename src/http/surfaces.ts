import type { Express } from 'express'
import { QUEUE_NAMES } from '../queues.ts'
import type { Level } from './access.ts'
import { findWays } from './ways.ts'

/** What each level of a route asks of whoever calls it. */
const GUARDS: Readonly<Record<Level, string>> = {
  public: 'anybody',
  user: 'a signed-in person',
  agent: 'a signed-in agent of the organization',
  admin: 'a signed-in admin of the organization',
  owner: 'a signed-in owner of the organization',
  ops: 'a signed-in operator of the installation',
  key: 'a bearer key of the organization',
  meta: 'a signature of Meta over the bytes',
  link: 'the token of a letter',
  sandbox: 'the simulator, which never runs in production',
}

type Surface = { surface: string; guard: string; fresh_password: boolean }
type Surfaces = { web: Surface[]; queues: Surface[]; commands: Surface }

/**
 * Every way into the product with the guard it passes: routes of pages, fragments, streams, API and webhooks as they are
 * registered in this very process, queues, and the command line.
 * Source: privacy promise P4, "the web application and associated APIs".
 */
export function surfacesOf(app: Express): Surfaces {
  const web = findWays(app).map(({ method, path, level, sudo }): Surface => ({
    surface: `${method} ${path}`,
    guard: level === undefined ? 'none' : GUARDS[level],
    fresh_password: sudo,
  }))
  const queues = QUEUE_NAMES.map((surface): Surface => ({
    surface,
    guard: 'our own workers, which read rows behind the door of the organization that a job names',
    fresh_password: false,
  }))
  const commands: Surface = {
    surface: 'chatflow',
    guard: 'whoever may run programs with the keys of the installation',
    fresh_password: false,
  }
  return { web: web.toSorted((a, b) => (a.surface < b.surface ? -1 : 1)), queues, commands }
}
