import { rows } from '../db.ts'
import { few, type Figure } from './figure.ts'

export const sharingFigures: readonly Figure[] = [
  {
    id: 'disclosures',
    group: 'sharing',
    title: 'Requests of authorities this year',
    how: 'Counted in the register in which each of them must be written down',
    freshDays: 1,
    async measure(on) {
      const [found] = await on.db.withSystem((tx) =>
        rows<{ received: number; disclosed: number; refused: number }>(
          tx,
          `select count(*)::int as received, count(*) filter (where decision in ('disclosed', 'partly'))::int as disclosed,
                  count(*) filter (where decision = 'refused')::int as refused
             from disclosures where received_at >= date_trunc('year', cast(? as timestamptz) at time zone 'UTC')`,
          [on.now()],
        ),
      )
      const { received = 0, disclosed = 0, refused = 0 } = found ?? {}
      return {
        state: 'ok',
        value: few(received),
        detail: `Disclosed: ${few(disclosed)}. Refused: ${few(refused)}.`,
      }
    },
  },
  {
    id: 'incidents',
    group: 'sharing',
    title: 'Breaches of data in 12 months',
    how: 'Counted in the register of incidents, with those that are still open',
    freshDays: 1,
    async measure(on) {
      const [found] = await on.db.withSystem((tx) =>
        rows<{ all: number; open: number }>(
          tx,
          `select count(*)::int as "all", count(*) filter (where closed_at is null)::int as open from incidents
            where aware_at > cast(? as timestamptz) - interval '12 months' or closed_at is null`,
          [on.now()],
        ),
      )
      const { all = 0, open = 0 } = found ?? {}
      return {
        state: open > 0 ? 'warn' : 'ok',
        value: few(all),
        detail: open > 0 ? 'One is being dealt with.' : '',
      }
    },
  },
]
