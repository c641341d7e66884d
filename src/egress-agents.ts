import { isIP, type LookupFunction } from 'node:net'
import { Agent, buildConnector } from 'undici'
import type { Allowed } from './door.ts'
import { guardedLookup, isPublic, PrivateAddress, rangesIn } from './public-address.ts'

const CONNECT_MS = 3_000

/** Connections to the outside, apart by what may be connected to and how much may come back. */
export type Agents = {
  of(allowed: Allowed): Agent
  close(): Promise<void>
}

/**
 * An address that the operator typed in is connected to as it is. Any other leads to a public address or nowhere, but
 * for the ranges in `allowedRanges`, which a laboratory names. Idle sockets are dropped after 4 s, because a reset on a
 * reused one leaves the outcome unknown.
 */
export function openAgents(allowedRanges: string | undefined, lookup?: LookupFunction): Agents {
  const made = new Map<string, Agent>()
  const isInRange = rangesIn(allowedRanges)
  const guard = guarded((address) => isPublic(address) || isInRange(address), lookup)
  const plain = buildConnector({ timeout: CONNECT_MS })
  return {
    of({ host, use }) {
      const name = `${host.isTyped}|${use.maxBytes}`
      const known = made.get(name)
      if (known) return known
      const agent = new Agent({
        connect: host.isTyped ? plain : guard,
        keepAliveTimeout: 4_000,
        keepAliveMaxTimeout: 4_000,
        maxResponseSize: use.maxBytes,
        pipelining: 1,
        connections: 64,
      })
      made.set(name, agent)
      return agent
    },
    async close() {
      await Promise.all([...made.values()].map((agent) => agent.close()))
    },
  }
}

/** Node looks up names only: an address that stands in the URL itself is judged before anything is connected. */
function guarded(
  allows: (address: string) => boolean,
  lookup?: LookupFunction,
): buildConnector.connector {
  const connect = buildConnector({ timeout: CONNECT_MS, lookup: guardedLookup(allows, lookup) })
  return (options, connected) => {
    const host = options.hostname.replace(/^\[|\]$/g, '')
    if (isIP(host) !== 0 && !allows(host)) connected(new PrivateAddress(), null)
    else connect(options, connected)
  }
}
