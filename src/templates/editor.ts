import type { Tx } from '../db.ts'
import { readComponents } from './components.ts'
import { sampled, wantedOf, type Draft } from './draft.ts'
import { tongueOf } from './page.ts'
import { previewOf, type Preview } from './preview.ts'
import { listSyncs } from './syncs.ts'

/** Languages that Meta takes most; any other code may be typed in WhatsApp Manager. */
const LANGUAGES =
  'en en_US en_GB es es_MX es_ES es_AR pt_BR pt_PT fr de it ar hi id tr ru ja ko zh_CN zh_HK zh_TW nl pl uk ur bn he'.split(
    ' ',
  )
const ROWS = 3
const MOST_ROWS = 10

export type Editor = {
  /** Of the template that is edited; '' for a new one. */
  id: string
  draft: Draft
  accounts: { waba: string; name: string }[]
  waba: string
  languages: { code: string; name: string }[]
  buttons: { type: string; text: string; value: string; n: number }[]
  samples: { key: string; label: string; value: string }[]
  preview: Preview
  errors: Record<string, string>
  problem: string
}

type Shown = {
  id: string
  draft: Draft
  waba: string
  errors: Record<string, string>
  problem: string
  /** One row for a button more than there are. */
  more?: boolean
}

/** Everything the form shows of a draft. */
export async function readEditor(tx: Tx, org: string, shown: Shown): Promise<Editor> {
  const { draft, more = false } = shown
  const accounts = (await listSyncs(tx, org)).map(({ waba_id, name }) => ({ waba: waba_id, name }))
  const rows = Math.min(MOST_ROWS, Math.max(ROWS, draft.buttons.length + (more ? 1 : 0)))
  return {
    ...shown,
    waba: shown.waba || (accounts[0]?.waba ?? ''),
    accounts,
    languages: LANGUAGES.map((code) => ({ code, name: tongueOf(code) })),
    buttons: Array.from({ length: rows }, (_none, n) => {
      const { type = '', text = '', value = '' } = draft.buttons[n] ?? {}
      return { type, text, value, n }
    }),
    samples: samplesOf(draft),
    preview: previewOfDraft(draft),
  }
}

export const samplesOf = (draft: Draft): Editor['samples'] =>
  sampled(draft).map(({ key, label }) => ({ key, label, value: draft.samples.get(key) ?? '' }))

export const previewOfDraft = (draft: Draft): Preview => {
  const { components, language, category } = wantedOf(draft)
  return previewOf({ components: readComponents(components), language, category })
}
