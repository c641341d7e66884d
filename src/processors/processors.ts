import { hasBegun, type Processor, type Purpose } from '../door.ts'
import { rows } from '../db.ts'
import { REGISTER } from '../register.ts'
import type { Resources } from '../resources.ts'

/** A host of a processor on this installation; `since` and `until` as far as it was seen in use. */
export type SeenHost = { host: string; since: Date | null; until: Date | null }

/** An entry of the public list. */
export type Listed = Omit<Processor, 'hosts' | 'uses'> & {
  state: 'in use' | 'announced' | 'not used here'
  hosts: SeenHost[]
  purposes: readonly Purpose[]
}

/**
 * Everybody who may get data of this installation, those in use first, with the hosts they are reached at. Source:
 * privacy policy §5, "third-party service providers"; promise P35.
 */
export async function listProcessors(
  on: Resources,
  register: readonly Processor[] = REGISTER,
): Promise<Listed[]> {
  const seen = await on.db.withSystem((tx) =>
    rows<{ processor: string; host: string; first_at: Date; last_at: Date }>(
      tx,
      'select processor, host, first_at, last_at from processor_hosts order by first_at, host',
    ),
  )
  const listed = register.map(({ hosts, uses, ...processor }) => {
    const names = namesOf(hosts(on.config))
    const known = seen.filter((row) => row.processor === processor.id)
    const past = known.filter(({ host }) => !names.includes(host))
    return {
      ...processor,
      state: stateOf({ ...processor, hosts, uses }, names, on.now()),
      purposes: uses.map(({ purpose }) => purpose),
      hosts: [
        ...names.map((host) => ({
          host,
          since: known.find((row) => row.host === host)?.first_at ?? null,
          until: null,
        })),
        ...past.map(({ host, first_at, last_at }) => ({ host, since: first_at, until: last_at })),
      ],
    }
  })
  const order: Listed['state'][] = ['in use', 'announced', 'not used here']
  return listed.toSorted((a, b) => order.indexOf(a.state) - order.indexOf(b.state))
}

const namesOf = (hosts: ReturnType<Processor['hosts']>): string[] => [
  ...new Set(hosts.map(({ name, covers }) => (covers ? `*.${name}` : name))),
]

function stateOf(processor: Processor, names: string[], now: Date): Listed['state'] {
  if (names.length === 0) return 'not used here'
  return hasBegun(processor, now) ? 'in use' : 'announced'
}

/** Writes down which hosts this installation uses now, so that the list can say since when. */
export async function noteHosts(
  on: Resources,
  register: readonly Processor[] = REGISTER,
): Promise<void> {
  const now = on.now()
  const used = register
    .filter((processor) => hasBegun(processor, now))
    .flatMap(({ id, hosts }) => namesOf(hosts(on.config)).map((host) => ({ processor: id, host })))
  await on.db.withSystem((tx) =>
    rows(
      tx,
      `insert into processor_hosts as h (processor, host, first_at, last_at)
       select u.processor, u.host, :now, :now from jsonb_to_recordset(:used::jsonb) as u (processor text, host text)
       on conflict (processor, host) do update set last_at = greatest(h.last_at, excluded.last_at)`,
      { used: JSON.stringify(used), now },
    ),
  )
}
