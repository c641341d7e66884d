import { rows, type Tx } from '../db.ts'

/** A report of Meta as it is stored. */
export type Reported = {
  id: string
  connection_id: string | null
  waba_id: string | null
  field: string
  event: string
  payload: Record<string, unknown>
  at: Date
}
/** A number of the organization and the business account it belongs to. */
export type Whose = { id: string; waba_id: string }

/** Where a template stands, as far as Meta told us. */
export type TemplateState = {
  id: string
  name: string
  language: string
  status: string | null
  reason: string | null
  category: string | null
  next_category: string | null
  next_category_at: Date | null
  quality: string | null
}

const COLUMNS = 'id, connection_id, waba_id, field, event, payload, at'

/** The newest report of each kind about each number and account: what is true now. */
export const latestNotices = (tx: Tx, org: string): Promise<Reported[]> =>
  rows<Reported>(
    tx,
    `select distinct on (connection_id, waba_id, field, event) ${COLUMNS} from notices
      where org_id = ? order by connection_id, waba_id, field, event, at desc, id desc`,
    [org],
  )

/** Reports about one number or all of its account, newest first; `before` is the last one of the page before. */
export const listNotices = (
  tx: Tx,
  org: string,
  whose: Whose,
  { before, limit }: { before?: { at: Date; id: string } | undefined; limit: number },
): Promise<Reported[]> =>
  rows<Reported>(
    tx,
    `select ${COLUMNS} from notices
      where org_id = :org and (connection_id = :id or (connection_id is null and waba_id = :waba))
        ${before ? 'and (at, id) < (cast(:at as timestamptz), cast(:last as uuid))' : ''}
      order by at desc, id desc limit :limit`,
    {
      org,
      id: whose.id,
      waba: whose.waba_id,
      limit,
      ...(before ? { at: before.at, last: before.id } : {}),
    },
  )

/** Templates of a business account, by name; at most 500. */
export const listTemplateStates = (tx: Tx, org: string, waba: string): Promise<TemplateState[]> =>
  rows<TemplateState>(
    tx,
    `select id, name, language, status, reason, category, next_category, next_category_at, quality from templates
      where org_id = ? and waba_id = ? order by name, language limit 500`,
    [org, waba],
  )

/** Whether a report is about this number, or all of its account. */
export const isAbout = ({ id, waba_id }: Whose, notice: Reported): boolean =>
  notice.connection_id === id || (notice.connection_id === null && notice.waba_id === waba_id)
