import type { Failure } from '../connections/graph-answer.ts'
import { rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'
import type { Resources } from '../resources.ts'
import { readComponents } from './components.ts'
import { readPage, tokenFor, type Key, type Listed } from './listing.ts'
import {
  askSync,
  claimSync,
  dueSyncs,
  endSync,
  goOn,
  listSyncs,
  type Ending,
  type Run,
} from './syncs.ts'

/** Meta allows 6,000 templates an account. */
const MOST_PAGES = 200
/** Reports carry whole seconds, and an answer may be older than its arrival: what a report said since then wins. */
const DOUBT_MS = 5_000

/**
 * Read all templates of a business account, page by page, and bring the rows up to them; one at a time, and only when
 * it was asked for. A reading that fails leaves what was known. Source: WhatsApp Business Management API.
 */
export async function syncTemplates(
  on: Resources,
  at: { org: string; waba: string },
): Promise<void> {
  const { run, token } = await on.db.withTenant(at.org, async (tx) => ({
    run: await claimSync(tx, at),
    token: await tokenFor(on, tx, at.org, at.waba),
  }))
  if (!run) return
  const ending = token ? await readAll(on, run, { ...at, token }) : NO_TOKEN
  on.log.info({ org: at.org, outcome: ending.outcome, code: ending.code }, 'templates read')
  const isWanted = await on.db.withTenant(at.org, (tx) => endSync(tx, run, ending))
  if (isWanted) await on.queues.addSync(at)
}

/** Ask for the lists of all accounts of an organization, and ring at once. */
export async function askForAll(on: Resources, org: string): Promise<void> {
  const accounts = await on.db.withTenant(org, async (tx) => {
    const found = (await listSyncs(tx, org)).map(({ waba_id }) => waba_id)
    for (const waba of found) await askSync(tx, org, waba)
    return found
  })
  for (const waba of accounts) await on.queues.addSync({ org, waba })
}

/** Ring for every list that is due: asked for, or not read for an hour. */
export async function ringDueSyncs(on: Resources): Promise<void> {
  for (const { org_id: org, waba_id: waba, asked } of await on.db.withSystem(dueSyncs)) {
    if (!asked) await on.db.withTenant(org, (tx) => askSync(tx, org, waba))
    await on.queues.addSync({ org, waba })
  }
}

const DONE: Ending = { outcome: 'ok', code: null, said: null, isWhole: true }
const NO_TOKEN: Ending = { outcome: 'refused', code: 'disconnected', said: null, isWhole: false }

async function readAll(on: Resources, run: Run, key: Key): Promise<Ending> {
  const seen = new Set<string>()
  let after = ''
  while (seen.size < MOST_PAGES) {
    const at = new Date(on.now().getTime() - DOUBT_MS)
    const page = await readPage(on, key, after)
    if ('outcome' in page) return failed(page)
    const isOurs = await on.db.withTenant(run.org, async (tx) => {
      if (!(await goOn(tx, run, page.listed.length))) return false
      await storeListed(tx, run, page.listed, at)
      return true
    })
    if (!isOurs) return { ...DONE, isWhole: false }
    if (!page.next || seen.has(page.next)) return DONE
    seen.add(page.next)
    after = page.next
  }
  return { ...DONE, isWhole: false }
}

const failed = ({ outcome, code, said }: Failure): Ending => ({
  outcome,
  code,
  said,
  isWhole: false,
})

/** The aspects of a template each have their time, as for reports: a newer word of Meta's is not overwritten. */
const STORE = `
  insert into templates as t (org_id, id, waba_id, graph_id, name, language, status, status_at, reason, category, category_at,
                              next_category, quality, quality_at, parameter_format, components, synced_at)
  select :org, i.id, :waba, i.graph, i.name, i.language, i.status, :at, i.reason, i.category, :at, i.next, i.quality,
         case when i.quality is not null then cast(:at as timestamptz) end, i.format, i.components, now()
    from jsonb_to_recordset(cast(:input as jsonb)) as i (id uuid, graph text, name text, language text, status text, reason text,
           category text, next text, quality text, format text, components jsonb) order by i.name, i.language
  on conflict (org_id, waba_id, name, language) do update
     set graph_id = excluded.graph_id, parameter_format = excluded.parameter_format, components = excluded.components,
         synced_at = excluded.synced_at, gone_at = null,
         status = case when ${newer('status')} then excluded.status else t.status end,
         reason = case when ${newer('status')} then excluded.reason else t.reason end,
         said = case when ${newer('status')} and excluded.status is distinct from t.status then null else t.said end,
         status_at = greatest(t.status_at, excluded.status_at),
         category = case when ${newer('category')} then coalesce(excluded.category, t.category) else t.category end,
         next_category = case when ${newer('category')}
           then coalesce(excluded.next_category, case when t.category = excluded.category then t.next_category end)
           else t.next_category end,
         category_at = greatest(t.category_at, excluded.category_at),
         quality = case when excluded.quality is not null and ${newer('quality')} then excluded.quality else t.quality end,
         quality_at = greatest(t.quality_at, excluded.quality_at)`

function newer(aspect: 'status' | 'category' | 'quality'): string {
  return `coalesce(t.${aspect}_at <= excluded.${aspect}_at, true)`
}

/** Bring rows up to what Meta listed at this moment. */
export async function storeListed(
  tx: Tx,
  { org, waba }: { org: string; waba: string },
  listed: Listed[],
  at: Date,
): Promise<void> {
  const unique = new Map(listed.map((one) => [`${one.name} ${tongueOf(one)}`, one]))
  const input = JSON.stringify([...unique.values()].map(rowOf))
  await rows(tx, STORE, { org, waba, at, input })
}

const tongueOf = ({ language }: Listed): string => language.replace('-', '_')

function rowOf(listed: Listed): object {
  const { correct_category: next, rejected_reason: reason, category } = listed
  return {
    id: newId(),
    graph: listed.id,
    name: listed.name,
    language: tongueOf(listed),
    status: listed.status.toUpperCase(),
    reason: reason === 'NONE' ? null : reason,
    category,
    next: next === category ? null : next,
    quality: listed.quality_score?.score,
    format: listed.parameter_format?.toUpperCase(),
    components: readComponents(listed.components),
  }
}
