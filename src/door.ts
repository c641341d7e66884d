import type { Config } from './config.ts'

/**
 * Why something may leave this installation. The list is closed: there is no word in it for advertising, resale or
 * enrichment, so nothing can be sent for them. Source: privacy policy §5, "We do not sell your personal data."
 */
export const PURPOSES = [
  'send_message',
  'check_connection',
  'manage_templates',
  'end_subscription',
  'check_installation',
  'fetch_media',
  'send_file',
  'send_mail',
] as const
export type Purpose = (typeof PURPOSES)[number]

/** What one purpose carries, in the categories of the manifest, and what bounds it. */
export type Use = {
  purpose: Purpose
  carries: readonly string[]
  /** Milliseconds in all. */
  timeoutMs: number
  /** Bytes of the longest answer. */
  maxBytes: number
}

/**
 * Where a use may go: a host, with `covers` also everything below it. `isTyped` marks an address the operator typed
 * in: it alone may be a private one, and plain http.
 */
export type Host = { name: string; port: number; covers?: 'subdomains'; isTyped: boolean }

export type Addresses = Pick<
  Config,
  'GRAPH_API_URL' | 'SMTP_URL' | 'DATABASE_URL' | 'REDIS_URL' | 'MEDIA_URL'
>

/** Somebody who gets data of this installation, or keeps it, as the public list shows them. */
export type Processor = {
  id: string
  name: string
  role: string
  does: string
  place: string
  categories: readonly string[]
  /** What a transfer to another country rests on. */
  basis: string
  contract: string
  deletion: string
  keeps: string
  /** Dates, `YYYY-MM-DD`: when the entry was put on the list, and from when the door is open. */
  publishedOn: string
  effectiveOn: string
  /** Why it could not wait for the notice, where it did not. */
  emergency?: string
  /** Where it is reached on this installation; none when it is not used here. */
  hosts(at: Addresses): readonly Host[]
  /** What goes there through the door; none where a connection of the database or the queue does. */
  uses: readonly Use[]
}

/** A host name that never leaves the machine. Sockets of a file system have none at all. */
export const isThisMachine = (host: string): boolean =>
  /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?|)$/i.test(host)

export type Allowed = { processor: Processor; use: Use; host: Host }

/**
 * The entry under which `url` may be reached for `purpose` at `now`, or undefined: nobody on the list is reached there
 * for this, or not yet. Only https, and plain http where the operator typed it in.
 */
export function allowedBy(
  register: readonly Processor[],
  { purpose, url, now }: { purpose: Purpose; url: URL; now: Date },
  at: Addresses,
): Allowed | undefined {
  for (const processor of register) {
    const use = processor.uses.find((one) => one.purpose === purpose)
    const host = use && processor.hosts(at).find((one) => isAt(one, url))
    if (use && host && hasBegun(processor, now)) return { processor, use, host }
  }
  return undefined
}

/** Notice comes first: before this day nothing goes there. */
export const hasBegun = ({ effectiveOn }: Processor, now: Date): boolean =>
  now.toISOString().slice(0, 10) >= effectiveOn

const USUAL: Record<string, number> = { 'https:': 443, 'http:': 80, 'smtp:': 587, 'smtps:': 465 }
const SAFE = new Set(['https:', 'smtps:', 'smtp:'])

/** A name covers what lies below it behind a dot: `evil-fbcdn.net` is not `fbcdn.net`. */
function isAt(host: Host, url: URL): boolean {
  const isName =
    url.hostname === host.name ||
    (host.covers === 'subdomains' && url.hostname.endsWith(`.${host.name}`))
  const isProtocol = SAFE.has(url.protocol) || (url.protocol === 'http:' && host.isTyped)
  const port = Number(url.port) || USUAL[url.protocol]
  return isName && isProtocol && port === host.port && url.username === '' && url.password === ''
}
