import { BlockList, isIP, type LookupFunction } from 'node:net'
import { lookup as systemLookup } from 'node:dns'

/** The name or address leads to a place that nobody outside may make us connect to. */
export class PrivateAddress extends Error {
  readonly code = 'PRIVATE_ADDRESS'
  constructor() {
    super('this address is not a public one')
  }
}

/** IANA special-purpose registries, IPv4: everything here is this machine, its network, or nobody. */
const NOT_PUBLIC_4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
]
/** Of IPv6 only global unicast is public, less what is tunnelled, documented or reserved in it. */
const NOT_PUBLIC_6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']

const listed = (ranges: readonly string[], type: 'ipv4' | 'ipv6'): BlockList => {
  const list = new BlockList()
  for (const range of ranges) {
    const [net = '', bits] = range.split('/')
    list.addSubnet(net, Number(bits), type)
  }
  return list
}
const refused4 = listed(NOT_PUBLIC_4, 'ipv4')
const refused6 = listed(NOT_PUBLIC_6, 'ipv6')
const unicast6 = listed(['2000::/3'], 'ipv6')

/** Whether an address, in any spelling of its own family, is one of the public internet; names are not. */
export function isPublic(address: string): boolean {
  const family = isIP(address)
  if (family === 4) return !refused4.check(address, 'ipv4')
  return family === 6 && unicast6.check(address, 'ipv6') && !refused6.check(address, 'ipv6')
}

/** Ranges of a laboratory that may be reached all the same, as `EGRESS_ALLOW_CIDR` names them. */
export function rangesIn(text = ''): (address: string) => boolean {
  const list = new BlockList()
  for (const range of text.split(',').filter(Boolean)) {
    const [net = '', bits] = range.trim().split('/')
    list.addSubnet(net, Number(bits), isIP(net) === 6 ? 'ipv6' : 'ipv4')
  }
  return (address) => list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

type Allows = (address: string) => boolean

/**
 * A look-up that answers only when every address of the name is allowed. What it answers is what is connected to, so
 * a name that changes between the two gains nothing.
 */
export function guardedLookup(allows: Allows, look: LookupFunction = systemLookup): LookupFunction {
  return (name, options, answer) => {
    look(name, { ...options, all: true }, (error, found) => {
      const list = Array.isArray(found) ? found : []
      const isFine = list.length > 0 && list.every(({ address }) => allows(address))
      const [first] = list
      if (error || !first || !isFine) answer(error ?? new PrivateAddress(), [])
      else if (options.all) answer(null, list)
      else answer(null, first.address, first.family)
    })
  }
}
