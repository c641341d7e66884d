import { z } from 'zod'
import { accessTokenOf } from '../connections/connections.ts'
import { readGraph, type Failure } from '../connections/graph-answer.ts'
import { rows, type Tx } from '../db.ts'
import type { Resources } from '../resources.ts'
import type { Secret } from '../secret.ts'

export const FIELDS =
  'id,name,language,status,category,correct_category,parameter_format,components,quality_score,rejected_reason'
const PAGE = 50
const TIMEOUT_MS = 15_000

const Listed = z.object({
  id: z.coerce.string().max(64),
  name: z.string().min(1).max(512),
  language: z.string().min(2).max(20),
  status: z.string().max(40),
  category: z.string().max(40).optional().catch(undefined),
  correct_category: z.string().max(40).optional().catch(undefined),
  parameter_format: z.string().max(20).optional().catch(undefined),
  components: z.unknown().optional(),
  quality_score: z
    .object({ score: z.string().max(20) })
    .optional()
    .catch(undefined),
  rejected_reason: z.string().max(100).optional().catch(undefined),
})
/** A template as Meta lists it. */
export type Listed = z.infer<typeof Listed>

/** One that we cannot read is passed over instead of hiding the others. */
const Page = z.object({
  data: z.array(Listed.nullable().catch(null)),
  paging: z
    .object({
      cursors: z.object({ after: z.string().max(2_000).optional() }).optional(),
      next: z.string().optional(),
    })
    .optional()
    .catch(undefined),
})

export type Key = { org: string; waba: string; token: Secret }

/**
 * One page of an account's templates and the cursor of the next, '' after the last.
 * Source: WhatsApp Business Management API, message_templates; Graph API, cursor-based paging.
 */
export async function readPage(
  on: Resources,
  { org, waba, token }: Key,
  after: string,
): Promise<{ listed: Listed[]; next: string } | Failure> {
  const query = new URLSearchParams({
    fields: FIELDS,
    limit: String(PAGE),
    ...(after ? { after } : {}),
  })
  const answer = await on.egress.graph({
    purpose: 'manage_templates',
    org,
    method: 'GET',
    path: `/${waba}/message_templates?${query.toString()}`,
    token,
    timeoutMs: TIMEOUT_MS,
  })
  const page = readGraph(Page, answer, token)
  if ('outcome' in page) return page
  // Meta names a cursor on the last page too; only an address of a next page says that there is one.
  const { next, cursors } = page.paging ?? {}
  return {
    listed: page.data.filter((one) => one !== null),
    next: next === undefined ? '' : (cursors?.after ?? ''),
  }
}

/** The token of the account's number that works best; undefined where none has one. */
export async function tokenFor(
  on: Resources,
  tx: Tx,
  org: string,
  waba: string,
): Promise<Secret | undefined> {
  const [found] = await rows<{ id: string }>(
    tx,
    `select id from connections
      where org_id = ? and waba_id = ? and state in ('active', 'pending', 'suspended') and access_token is not null
      order by (state = 'active') desc, verified_at desc nulls last, id limit 1`,
    [org, waba],
  )
  return found && accessTokenOf(on, tx, org, found.id)
}
