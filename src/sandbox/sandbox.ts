import path from 'node:path'
import type { Resources } from '../resources.ts'
import { resume } from './delivery.ts'
import { shakeHands } from './handshake.ts'
import { keepLines, readLines } from './file.ts'
import { moveOn } from './receipts.ts'
import type { Line, Sandbox, Wire } from './state.ts'
import { resumeReviews } from './template-desk.ts'

/** One stand-in per set of resources: the routes and the demo talk to the same phones. */
const open = new WeakMap<Resources, Sandbox>()

/** The stand-in of these resources; what waited when it was last closed goes on. */
export function openSandbox(on: Resources): Sandbox {
  const known = open.get(on)
  if (known) return known
  const box = makeSandbox(on)
  open.set(on, box)
  // A sweep on the command line deletes an organization whose phones ring here.
  const leave = on.events.subscribe((event) => {
    if (box.isClosed()) leave()
    else if (event.kind === 'keys') box.forget(event.org)
  })
  for (const line of box.lines) {
    resume(box, line)
    shakeHands(box, line)
    resumeReviews(box, line)
    for (const person of line.people) moveOn(box, line, person)
  }
  return box
}

/** Keep the state now and stop; the next `openSandbox` reads it again. */
export function closeSandbox(on: Resources): void {
  open.get(on)?.close()
  open.delete(on)
}

export const lineOf = (box: Sandbox, org: string): Line | undefined =>
  box.lines.find((line) => line.org === org)

/** Trailing, so that a burst writes once; short, so that a stopped process loses nothing a person saw. */
const KEEP_AFTER_MS = 20

function makeSandbox(on: Resources): Sandbox {
  const file = path.join(on.config.DATA_DIR, 'sandbox.json')
  const lines = readLines(file, on.log)
  const wires = new Map<string, Wire>()
  const timers = openTimers()
  const watchers = openWatchers()
  const pages = openListeners()
  let closed = false
  let dirty = false
  const keep = (): void => {
    if (dirty) keepLines(file, lines)
    dirty = false
  }
  return {
    on,
    lines,
    origin: ownOrigin(on),
    wireOf(org) {
      const wire = wires.get(org) ?? { total: 0, entries: [] }
      wires.set(org, wire)
      return wire
    },
    changed(org) {
      if (closed) return
      dirty = true
      timers.later('keep', KEEP_AFTER_MS, keep)
      pages.tell(org)
    },
    subscribe: pages.subscribe,
    later: timers.later,
    isPending: timers.isPending,
    watch: watchers.watch,
    isWatched: watchers.isWatched,
    isClosed: () => closed,
    forget(org) {
      const at = lines.findIndex((line) => line.org === org)
      wires.delete(org)
      if (at === -1) return
      lines.splice(at, 1)
      keepLines(file, lines)
    },
    close() {
      closed = true
      timers.clear()
      keep()
    },
  }
}

/** The CRM's own listener, reached by its address and not by its public name: webhooks work before DNS does. */
function ownOrigin({ config }: Resources): string {
  const host = ['0.0.0.0', '::', 'localhost'].includes(config.HOST) ? '127.0.0.1' : config.HOST
  return `http://${host.includes(':') ? `[${host}]` : host}:${config.PORT}`
}

function openTimers(): Pick<Sandbox, 'later' | 'isPending'> & { clear(): void } {
  const timers = new Map<string, NodeJS.Timeout>()
  return {
    later(key, ms, act) {
      clearTimeout(timers.get(key))
      const timer = setTimeout(
        () => {
          timers.delete(key)
          act()
        },
        Math.max(0, ms),
      )
      // What is to be kept holds the process open until it is; a phone that waits does not.
      timers.set(key, key === 'keep' ? timer : timer.unref())
    },
    isPending: (key) => timers.has(key),
    clear() {
      for (const timer of timers.values()) clearTimeout(timer)
      timers.clear()
    },
  }
}

function openWatchers(): Pick<Sandbox, 'watch' | 'isWatched'> {
  const watchers = new Map<string, number>()
  return {
    watch(person) {
      watchers.set(person, (watchers.get(person) ?? 0) + 1)
      return () => void watchers.set(person, (watchers.get(person) ?? 1) - 1)
    },
    isWatched: (person) => (watchers.get(person) ?? 0) > 0,
  }
}

function openListeners(): Pick<Sandbox, 'subscribe'> & { tell(org: string): void } {
  const listeners = new Map<string, Set<() => void>>()
  return {
    subscribe(org, heard) {
      const heard_by = listeners.get(org) ?? new Set()
      listeners.set(org, heard_by.add(heard))
      return () => heard_by.delete(heard)
    },
    tell(org) {
      for (const heard of listeners.get(org) ?? []) heard()
    },
  }
}
