import type { InboundBody } from '../queues.ts'
import { open, seal, SealError, type Place, type SealingKey } from '../vault.ts'

/** A webhook body as it came, with whose it is; `at` in milliseconds. */
export type Arrival = {
  org: string | null
  connection: string | null
  key: SealingKey
  at: number
  bytes: Buffer
}
/** What can be enqueued, and why the rest cannot. */
export type Sealed = { bodies: InboundBody[]; refused: Map<Arrival, Error> }
/** One webhook body out of an envelope, with the time it came. */
export type Part = { at: number; bytes: Buffer }

/** What an envelope of webhook bodies is bound to, in the queue and as a dead letter. */
export const placeOf = (connection: string | null, at: number): Place => ({
  purpose: 'webhook',
  org: connection ?? 'shared',
  row: String(at),
})

/**
 * What came together for one connection under one envelope: sealing costs as much for one body as for sixty, and so does
 * each of its uses of the key. An organization whose key has no use left keeps nobody else waiting.
 */
export function sealTogether(arrivals: readonly Arrival[]): Sealed {
  const bodies: InboundBody[] = []
  const refused = new Map<Arrival, Error>()
  for (const group of groupsOf(arrivals)) {
    try {
      bodies.push(sealGroup(group))
    } catch (error) {
      if (!(error instanceof SealError)) throw error
      for (const arrival of group) refused.set(arrival, error)
    }
  }
  return { bodies, refused }
}

type Group = readonly [Arrival, ...Arrival[]]

function groupsOf(arrivals: readonly Arrival[]): Group[] {
  const groups = new Map<string, [Arrival, ...Arrival[]]>()
  for (const arrival of arrivals) {
    const name = `${arrival.org ?? ''}|${arrival.connection ?? ''}|${arrival.key.id}`
    const group = groups.get(name)
    if (group) group.push(arrival)
    else groups.set(name, [arrival])
  }
  return [...groups.values()]
}

function sealGroup(group: Group): InboundBody {
  const [{ org, connection, key, at, bytes }] = group
  const place = placeOf(connection, at)
  if (group.length === 1) return { org, connection, at, sealed: seal(key, place, bytes) }
  const whole = Buffer.concat(group.map((arrival) => arrival.bytes))
  const parts = group.map((arrival): [number, number] => [arrival.at, arrival.bytes.length])
  return { org, connection, at, sealed: seal(key, place, whole), parts }
}

/** The bodies of an envelope as they came. Throws SealError when its key is gone or anything of it was altered. */
export function openTogether(
  keys: readonly SealingKey[],
  { connection, at, sealed, parts }: InboundBody,
): Part[] {
  const whole = open(keys, placeOf(connection, at), sealed)
  if (!parts) return [{ at, bytes: whole }]
  let end = 0
  const opened = parts.map(([came, length]): Part => {
    end += length
    return { at: came, bytes: whole.subarray(end - length, end) }
  })
  if (end !== whole.length) throw new SealError()
  return opened
}
