import { rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'
import { sealFor } from '../keys.ts'
import type { Resources } from '../resources.ts'
import type { Notice } from './notice.ts'
import { applyToTemplates } from './templates.ts'

/** A notice, and whose it is: a number of the organization, or all of a business account. */
export type Placed = { notice: Notice; place: { connection: string | null; waba: string | null } }

/**
 * Keep what Meta reports, once; what it says of templates is brought into their rows. What our fields do not cover
 * is sealed beside the notice and goes long before it, because it may name customers.
 */
export async function storeNotices(
  on: Resources,
  tx: Tx,
  org: string,
  notices: Placed[],
): Promise<void> {
  if (notices.length === 0) return
  const wanted = new Map(notices.map((one) => [one.notice.key, { ...one, id: newId() }]))
  const added = await rows<{ id: string }>(
    tx,
    `insert into notices (org_id, id, connection_id, waba_id, field, event, payload, key, at)
     select :org, i.id, i.connection, i.waba, i.field, i.event, i.payload, decode(i.key, 'hex'), i.at
       from jsonb_to_recordset(:input::jsonb) as i (id uuid, connection uuid, waba text, field text, event text,
              payload jsonb, key text, at timestamptz) order by i.key
     on conflict (org_id, key) do nothing returning id`,
    { org, input: JSON.stringify([...wanted.values()].map(rowOf)) },
  )
  const ids = new Set(added.map(({ id }) => id))
  const fresh = [...wanted.values()].filter(({ id }) => ids.has(id))
  for (const { id, notice } of fresh) {
    if (notice.raw === null) continue
    const raw = await sealFor(on, tx, { purpose: 'notice_originals|raw', org, row: id }, notice.raw)
    await tx('notice_originals').insert({ org_id: org, notice_id: id, raw })
  }
  await applyToTemplates(
    tx,
    org,
    fresh.map(({ notice }) => notice),
  )
}

const rowOf = ({ id, notice, place }: Placed & { id: string }): object => ({
  id,
  ...place,
  field: notice.field,
  event: notice.event,
  payload: notice.payload,
  key: notice.key,
  at: notice.at,
})
