import type { Tx } from '../db.ts'
import { newId } from '../ids.ts'
import type { Conversation } from '../inbox/conversations.ts'
import { needConversation, shortNameOf } from '../inbox/page.ts'
import { notFound, Refusal } from '../refusal.ts'
import { kindsOf, stopIn } from '../restrictions/gate.ts'
import { windowState } from '../sending/window.ts'
import { blanksOf, obstacleOf, type Blank } from './blanks.ts'
import { rowOf, tongueOf, type Row } from './page.ts'
import { previewOf, type Preview, type Values } from './preview.ts'
import { wordsSaid } from './said.ts'
import { isOffered, stopOf } from './stops.ts'
import { listTemplates, type Template } from './templates.ts'

const SHOWN = 40
const MOST = 500

/** The conversation that a template is chosen for. */
export type For = { id: string; name: string; isOpen: boolean }

export type Choice = {
  id: string
  name: string
  tongue: string
  lang: string
  category: string
  /** How it begins. */
  words: string
  /** Why it cannot be sent from here; '' when it can. */
  obstacle: string
}
export type Choices = { open: For; q: string; choices: Choice[]; more: number; isEmpty: boolean }

/** What can be chosen for a conversation: approved templates of its number's account, those that cannot be sent from here last. */
export async function readChoices(
  tx: Tx,
  org: string,
  at: { conversation: string; q: string; now: Date },
): Promise<Choices> {
  const conversation = await needWritable(tx, org, at.conversation)
  const found = await listTemplates(tx, org, {
    connection: conversation.connection_id,
    q: at.q,
    limit: MOST,
  })
  const offered = found.filter(isOffered).map(choiceOf)
  const sorted = [
    ...offered.filter((one) => !one.obstacle),
    ...offered.filter((one) => one.obstacle),
  ]
  return {
    open: forWhom(conversation, at.now),
    q: at.q,
    choices: sorted.slice(0, SHOWN),
    more: Math.max(0, sorted.length - SHOWN),
    isEmpty: sorted.length === 0,
  }
}

const forWhom = (c: Conversation, now: Date): For => ({
  id: c.id,
  name: shortNameOf(c),
  isOpen: windowState(c.window_expires_at, now).open,
})

const choiceOf = (template: Template): Choice => ({
  id: template.id,
  name: template.name,
  tongue: tongueOf(template.language),
  lang: template.language.replace('_', '-'),
  category: template.category?.toLowerCase() ?? '',
  words: wordsSaid(template, []).replace(/\s+/g, ' ').slice(0, 120),
  obstacle: obstacleOf(template),
})

/** Nothing is sent to somebody whose data are only kept, so nothing is chosen either. */
async function needWritable(tx: Tx, org: string, id: string): Promise<Conversation> {
  const conversation = await needConversation(tx, org, id)
  if (conversation.restricted)
    throw new Refusal(
      422,
      'contact_restricted',
      'Nothing can be sent: this person asked that their data be restricted.',
    )
  return conversation
}

export type Field = Blank & { value: string; error: string; id: string }
export type Form = {
  open: For
  template: Row
  groups: { name: string; fields: Field[] }[]
  preview: Preview
  /** Why it cannot be sent, all in all. */
  problem: string
  isStopped: boolean
  token: string
}

/** The template of a conversation's number that an address names. Throws Refusal 404, 422 for a restricted contact. */
export async function needChoice(
  tx: Tx,
  org: string,
  at: { conversation: string; template: string },
): Promise<{ conversation: Conversation; template: Template }> {
  const conversation = await needWritable(tx, org, at.conversation)
  const [template] = await listTemplates(tx, org, {
    connection: conversation.connection_id,
    id: at.template,
    limit: 1,
  })
  if (!template) throw notFound('template')
  return { conversation, template }
}

type Filled = { values: Values; errors: Record<string, string>; problem: string; token: string }

/** What the form shows: each blank with what was typed and what is wrong with it, and the phone's view of it. */
export function formOf(
  { conversation, template }: { conversation: Conversation; template: Template },
  { values, errors, problem, token }: Filled,
  now: Date,
): Form {
  const fields = blanksOf(template).map((blank, n): Field =>
    Object.assign(blank, {
      value: values.get(blank.key) ?? '',
      error: errors[blank.key] ?? '',
      id: `blank-${n}`,
    }),
  )
  const stop = stopOf(template)?.sentence ?? obstacleOf(template)
  return {
    open: forWhom(conversation, now),
    template: rowOf(template),
    groups: [...new Set(fields.map(({ group }) => group))].map((name) => ({
      name,
      fields: fields.filter(({ group }) => group === name),
    })),
    preview: previewOf(template, values),
    problem: stop || problem,
    isStopped: stop !== '',
    token: token || newId(),
  }
}

const NAMES = new Set([
  'name',
  'first_name',
  'firstname',
  'customer_name',
  'nome',
  'nombre',
  'prenom',
])

/** What is known already: a blank that asks for the name, unless the contact objects to being treated by their profile. */
export async function knownValues(
  tx: Tx,
  org: string,
  { conversation, template }: { conversation: Conversation; template: Template },
): Promise<Values> {
  const kinds = await kindsOf(tx, org, conversation.contact_id)
  if (!conversation.contact_name || stopIn(kinds, 'personalise')) return new Map()
  const asked = blanksOf(template).filter(({ key }) => NAMES.has(key.split(':')[1] ?? ''))
  return new Map(asked.map(({ key }) => [key, shortNameOf(conversation)]))
}
