import { isThisMachine } from './door.ts'

/** How something is reached: without leaving the machine, over checked TLS, or in the clear. */
export type Transport = 'this machine' | 'tls' | 'plain'

const CHECKED = new Set(['require', 'verify-ca', 'verify-full'])

/**
 * How the driver connects by a connection string: `require` checks the certificate too, unless libpq's weaker reading
 * is asked for. A parameter `host` counts more than the name before it, and a socket of the file system is this machine.
 */
export function databaseTransport(address: string): Transport {
  const { hostname, searchParams: given } = new URL(address)
  const hosts = given.has('host') ? given.getAll('host') : [hostname]
  if (hosts.every((host) => isThisMachine(host) || /^(\/|%2f)/i.test(host))) return 'this machine'
  const modes = given.getAll('sslmode')
  const isWeak = given.get('uselibpqcompat') === 'true' && !modes.includes('verify-full')
  const isChecked =
    modes.length > 0
      ? modes.every((mode) => CHECKED.has(mode))
      : given.getAll('ssl').some((value) => value === 'true' || value === '1')
  return isChecked && !isWeak ? 'tls' : 'plain'
}

/** As above for addresses whose first word tells: `rediss:`, `https:`. */
export function addressTransport(address: string): Transport {
  const { hostname, protocol } = new URL(address)
  if (isThisMachine(hostname)) return 'this machine'
  return protocol === 'rediss:' || protocol === 'https:' ? 'tls' : 'plain'
}

type Ways = {
  APP_URL: string
  DATABASE_URL: string
  REDIS_URL?: string | undefined
  GRAPH_API_URL: string
  PLAIN_HOSTS?: readonly string[] | undefined
}

/**
 * The variable that would send somebody's data over a network in the clear, with an example of how it should be; undefined
 * when none would. `PLAIN_HOSTS` names hosts on the operator's own wire, such as the containers of one machine; people's
 * browsers are never there. Source: privacy policy §4, "encrypted servers"; promise P24.
 */
export function plainVariable(ways: Ways): { name: keyof Ways; example: string } | undefined {
  const isPlain = (address: string | undefined, how = addressTransport): boolean =>
    address !== undefined && how(address) === 'plain'
  const isOpen = (address: string | undefined, how = addressTransport): boolean =>
    isPlain(address, how) &&
    !ways.PLAIN_HOSTS?.includes(new URL(address ?? '').hostname.toLowerCase())
  if (isOpen(ways.DATABASE_URL, databaseTransport))
    return {
      name: 'DATABASE_URL',
      example: 'postgres://user:password@host/chatflow?sslmode=verify-full',
    }
  if (isOpen(ways.REDIS_URL)) return { name: 'REDIS_URL', example: 'rediss://host:6379' }
  if (isOpen(ways.GRAPH_API_URL))
    return { name: 'GRAPH_API_URL', example: 'https://graph.facebook.com' }
  if (isPlain(ways.APP_URL)) return { name: 'APP_URL', example: 'https://crm.example.com' }
  return undefined
}
