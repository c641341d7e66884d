import { newId } from '../ids.ts'
import { toBlocks, type Block } from '../inbox/blocks.ts'
import { showEach, standing, type Surroundings } from '../inbox/thread.ts'
import type { Reader } from '../inbox/ticks.ts'
import type { Message, Reaction } from '../messages/messages.ts'
import { parseBody } from '../messages/parse.ts'
import { showReport, type ShownReport } from '../notices/shown.ts'
import { showTemplate, type TemplateRow } from '../notices/template-row.ts'
import { arrived, ours, webhookOf } from './gallery-messages.ts'
import { REPORTS, TEMPLATES } from './gallery-reports.ts'
import { withFile } from './gallery-files.ts'
import { THEIRS } from './gallery-theirs.ts'

export type Gallery = {
  sections: { id: string; title: string; hint: string; blocks: Block[] }[]
  reports: ShownReport[]
  templates: TemplateRow[]
}

const MINUTE = 60_000

/**
 * Every kind of message, line and report there is, from webhooks that go through the product's own parser and views.
 * Nothing of it is stored.
 */
export function galleryOf(reader: Reader): Gallery {
  const { now, times } = reader
  const theirs = THEIRS.map(({ id, title, hint, samples }) => {
    const said = arrived(samples, now)
    const blocks = blocksOf(id === 'files' ? said.map(withFile) : said, reader)
    return { id, title, hint, blocks }
  })
  const own = toBlocks(showEach(ours(now), NOTHING, reader), times, undefined)
  return {
    sections: [...theirs, { ...ABOUT_OURS, blocks: own }],
    reports: REPORTS.map(([field, value], n) =>
      reportOf(field, value, { at: new Date(now.getTime() - n * MINUTE), now }),
    ),
    templates: TEMPLATES.map(showTemplate),
  }
}

const ABOUT_OURS = {
  id: 'ours',
  title: 'What the business says',
  hint: 'Each state by its shape first: clock, one tick, two, two in a capsule, ring, dots.',
}
const NOTHING: Surroundings = {
  reactions: [],
  remarks: [],
  causes: new Map<string, never>(),
  quoted: new Map<string, never>(),
}

/** As the thread does it with the rows of a conversation. */
function blocksOf(all: Message[], reader: Reader): Block[] {
  const about = (kind: string): Map<string | null, Message> =>
    new Map(all.filter((m) => m.kind === kind).map((m) => [m.context_wamid, m]))
  const [edits, revokes] = [about('edit'), about('revoke')]
  const messages = all.map((m) => corrected(m, edits.get(m.wamid), revokes.get(m.wamid)))
  const wamids = messages.flatMap(({ wamid }) => wamid ?? [])
  const around: Surroundings = {
    ...NOTHING,
    remarks: messages.filter(({ kind }) => kind === 'call_end' || kind === 'call_status'),
    quoted: new Map(messages.map((m) => [m.wamid ?? '', m] as const)),
    reactions: messages.flatMap(({ kind, context_wamid: wamid, payload, direction }): Reaction[] =>
      kind === 'reaction' && wamid ? [{ wamid, emoji: String(payload['emoji']), direction }] : [],
    ),
  }
  const own = standing(messages, new Set(wamids))
  return toBlocks(showEach(own, around, reader), reader.times, undefined)
}

function corrected(m: Message, edit: Message | undefined, revoke: Message | undefined): Message {
  if (revoke) return { ...m, text: null, payload: {}, revoked_at: revoke.created_at }
  if (!edit) return m
  return { ...m, text: edit.text, earlier_text: m.text, edited_at: edit.created_at }
}

function reportOf(field: string, value: object, { at, now }: { at: Date; now: Date }): ShownReport {
  const [update] = parseBody(webhookOf(field, value), at)
  if (update?.type !== 'notice') throw new Error(`${field} is no report`)
  const { event, payload } = update.notice
  const report = { id: newId(), connection_id: null, waba_id: null, field, event, payload, at }
  return showReport(report, now)
}
