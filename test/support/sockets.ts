import dgram from 'node:dgram'
import dns from 'node:dns'
import net from 'node:net'

export type Sockets = {
  /** `host:port` of every connection that was begun, in their order. */
  opened: string[]
  /** Every name that was looked up. */
  looked: string[]
  restore(): void
}

type Connect = (this: net.Socket, ...given: unknown[]) => net.Socket
type Options = { host?: string; port?: number | string; path?: string }

/**
 * Watches every connection this process opens, whoever opens it: drivers, HTTP clients and TLS all end in these three
 * places of Node.
 */
export function watchSockets(): Sockets {
  const seen: Omit<Sockets, 'restore'> = { opened: [], looked: [] }
  const { connect } = net.Socket.prototype
  const { createSocket } = dgram
  const { lookup } = dns
  net.Socket.prototype.connect = function watched(this: net.Socket, ...given: unknown[]) {
    seen.opened.push(nameOf(given))
    return (connect as Connect).apply(this, given)
  }
  dgram.createSocket = ((...given: Parameters<typeof createSocket>) => {
    seen.opened.push('udp')
    return createSocket(...given)
  }) as typeof createSocket
  dns.lookup = ((name: string, ...rest: unknown[]) => {
    seen.looked.push(name)
    return (lookup as (...given: unknown[]) => void)(name, ...rest)
  }) as typeof lookup
  return {
    ...seen,
    restore() {
      net.Socket.prototype.connect = connect
      dgram.createSocket = createSocket
      dns.lookup = lookup
    },
  }
}

/** Node hands its arguments on as one list, with the options first. */
function nameOf(given: unknown[]): string {
  const [first, second] = Array.isArray(given[0]) ? (given[0] as unknown[]) : given
  if (typeof first === 'object' && first !== null) {
    const { host = 'localhost', port, path } = first as Options
    return path ?? `${host}:${port}`
  }
  return `${typeof second === 'string' ? second : 'localhost'}:${String(first)}`
}
