import type { LookupFunction } from 'node:net'
import type { Config } from './config.ts'
import { insideTransaction } from './db.ts'
import { allowedBy, type Addresses, type Processor, type Purpose } from './door.ts'
import { openAgents } from './egress-agents.ts'
import type { Sortie } from './egress-log.ts'
import { sendMail, type Outgoing } from './egress-mail.ts'
import {
  askStream,
  askWhole,
  type Answer,
  type Call,
  type Streamed,
  type Way,
} from './egress-request.ts'
import { REGISTER } from './register.ts'
import type { Secret } from './secret.ts'

/** What for, and for which organization; null where it is for the installation itself. */
type Errand = { purpose: Purpose; org: string | null }

/** `path` begins with `/`. */
export type GraphCall = Errand & Call & { path: string }

export type Egress = {
  /** A request below GRAPH_API_URL/GRAPH_API_VERSION. */
  graph(call: GraphCall): Promise<Answer>
  /**
   * What lies at an address that somebody else chose, as a stream of at most the bytes the register allows. A redirect
   * is an answer like any other and is not followed; an address that is not in the register is `not_sent`.
   */
  fetch(call: Errand & { url: string; token?: Secret }): Promise<Streamed>
  /** Rejects when the mail server did not take it, and with EgressDenied where none is known. */
  mail(letter: Outgoing, org: string | null): Promise<void>
  close(): Promise<void>
}

/** Nobody in the register is reached there for this, or not yet. */
export class EgressDenied extends Error {
  readonly code = 'EGRESS_DENIED'
  constructor() {
    super('the door does not open for this address')
  }
}

type Settings = Addresses & Pick<Config, 'GRAPH_API_VERSION' | 'EGRESS_ALLOW_CIDR' | 'NODE_ENV'>
/** `note` keeps what went out, `now` is the clock; what else may be given is for tests. */
export type Fittings = {
  note?: (sortie: Sortie) => void
  now?: () => Date
  register?: readonly Processor[]
  lookup?: LookupFunction
}

/**
 * The one door to the outside. It opens for those who stand in the register, for the purposes they stand there for,
 * from the day they were announced for, and notes each time. Source: privacy policy §5; promise P34.
 */
export function openEgress(config: Settings, fittings: Fittings = {}): Egress {
  const { note = () => undefined, now = () => new Date(), register = REGISTER } = fittings
  const agents = openAgents(config.EGRESS_ALLOW_CIDR, fittings.lookup)
  const enter = ({ purpose, org }: Errand, address: string): Way => {
    const url = URL.canParse(address) ? new URL(address) : undefined
    const allowed = url && allowedBy(register, { purpose, url, now: now() }, config)
    if (!url || !allowed) throw new EgressDenied()
    const told = { at: now(), host: url.hostname, purpose, org }
    return {
      url,
      agent: agents.of(allowed),
      limitMs: allowed.use.timeoutMs,
      left: (bytes, status) => note({ ...told, bytes, status }),
    }
  }
  return {
    async graph(call) {
      refuseInside()
      const address = `${config.GRAPH_API_URL}/${config.GRAPH_API_VERSION}${call.path}`
      return askWhole(() => enter(call, address), call)
    },
    async fetch({ url, token, ...errand }) {
      refuseInside()
      return askStream(() => enter(errand, url), { method: 'GET', token })
    },
    async mail(letter, org) {
      refuseInside()
      const { SMTP_URL, NODE_ENV } = config
      const server = SMTP_URL?.reveal('send_mail') ?? 'smtp://nowhere.invalid'
      const { protocol, host } = new URL(server)
      const { left } = enter({ purpose: 'send_mail', org }, `${protocol}//${host}`)
      left(await sendMail(server, letter, { needsTls: NODE_ENV === 'production' }), 250)
    },
    close: () => agents.close(),
  }
}

/** A connection of the database would be held for as long as somebody else takes to answer. */
function refuseInside(): void {
  if (insideTransaction()) throw new Error('no network call while a transaction is open')
}
