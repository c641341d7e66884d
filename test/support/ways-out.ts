import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { ROOT } from '../../src/root.ts'

/** Who may reach for a way out: nobody else imports these. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  undici: ['src/egress-agents.ts', 'src/egress-request.ts', 'src/sandbox/'],
  nodemailer: ['src/egress-mail.ts'],
  'node:dns': ['src/public-address.ts'],
  // The database and the queue, at the addresses of the configuration alone.
  pg: [
    'src/db.ts',
    'src/resources.ts',
    'src/events.ts',
    'src/migrate.ts',
    'src/queue-names.ts',
    'src/deletions/statistics.ts',
    'src/ops/check-database.ts',
    'src/embedded/cluster.ts',
    'src/backups/',
    'src/copy.ts',
    'src/key-usage.ts',
    'src/queue-backend.ts',
    'src/queue-contents.ts',
    'src/queue-depths.ts',
    'src/queue-events.ts',
    'src/queue-recovery.ts',
    'src/canary/everywhere.ts',
    'src/deletions/own-files.ts',
    'src/deletions/stores.ts',
  ],
  ioredis: [
    'src/redis.ts',
    'src/events.ts',
    'src/queue-names.ts',
    'src/queue-contents.ts',
    'src/queue-events.ts',
    'src/sending/limits.ts',
  ],
  bullmq: [
    'src/queues.ts',
    'src/queue-backend.ts',
    'src/queue-depths.ts',
    'src/queue-events.ts',
    'src/queue-erasure.ts',
    'src/queue-recovery.ts',
    'src/queue-worker.ts',
    'src/migrate.ts',
  ],
  'node:child_process': ['src/embedded/', 'src/processes.ts', 'src/backups/'],
  'node:tls': [],
  'node:https': [],
  'node:http2': [],
  'node:dgram': [],
  'node:dns/promises': [],
  'node:inspector': [],
}
const BARE = /^(net|tls|https?|http2|dgram|dns|dns\/promises|child_process|inspector)$/
/** Of modules that can call as well as listen, what does not call. */
const HARMLESS: Readonly<Record<string, RegExp>> = {
  'node:http': /^(type \w+|createServer|STATUS_CODES)$/,
  'node:net': /^(type \w+|createServer|isIP|isIPv6|BlockList)$/,
}
/** Knocks at the mail server of the configuration, without a word, to tell the operator whether it is there. */
const OWN_KNOCK = new Set(['src/ops/check-workers.ts'])
/** Asks this very machine whether a port is served by us. */
const OWN_FETCH = new Set(['src/ops/check-machine.ts'])

export const sources = (): string[] =>
  ['src', 'workers', 'migrations'].flatMap((folder) =>
    readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => path.join(folder, name)),
  )

const textOf = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8')
const inEach = (find: (text: string, file: string) => string[]): string[] =>
  sources().flatMap((file) => find(textOf(file), file).map((what) => `${file}: ${what}`))

/** Imports of a way out by somebody who may not. */
export const strayImports = (): string[] =>
  inEach((text, file) =>
    [...text.matchAll(/(?:from|import|require\()\s*['"]([\w@/:.-]+)['"]/g)]
      .map(([, name = '']) => name.replace(BARE, 'node:$1'))
      .filter((name) => MAY_IMPORT[name]?.every((place) => !file.startsWith(place))),
  )

/** Names of Node's `http` and `net` that connect, or the whole module. */
export const strayNames = (): string[] =>
  inEach((text, file) =>
    OWN_KNOCK.has(file)
      ? []
      : [...text.matchAll(/import (?!type )([^'"]+?) from ['"](?:node:)?(http|net)['"]/g)].flatMap(
          ([, given = '', module = '']) => {
            const [, list] = /^\{([^}]*)\}$/.exec(given.trim()) ?? []
            const names = list === undefined ? [given] : list.split(',').map((name) => name.trim())
            return names.filter((name) => name !== '' && !HARMLESS[`node:${module}`]?.test(name))
          },
        ),
  )

/** Calls of what needs no import to reach out; a method of that name is somebody's own. */
export const strayCalls = (): string[] =>
  inEach((text, file) => {
    if (OWN_FETCH.has(file)) return []
    const calls =
      /(?<![.\w])(?:await |return |void |= |\(|=> )(?:globalThis\.)?(?:fetch\(|new (?:WebSocket|EventSource|XMLHttpRequest)\()/g
    return [...text.matchAll(calls)].map(([call]) => call)
  })

/** Files that import by a name that is not written down. */
export const madeUpImports = (): string[] =>
  sources().filter((file) => /(?<![\w.])(?:import|require)\((?!['"])/.test(textOf(file)))
