import type { Tx } from '../db.ts'
import { cut, objectOf } from '../messages/storable.ts'
import { Refusal } from '../refusal.ts'
import { refuseStopped } from '../restrictions/gate.ts'
import { wordsSaid } from '../templates/said.ts'
import { stopOf } from '../templates/stops.ts'
import { templateNamed, type Template } from '../templates/templates.ts'
import type { Outgoing } from './bodies.ts'

const PREVIEW = 120

/** The template that a message's body names; undefined where it names none, or one that is not known here. */
export async function templateIn(
  tx: Tx,
  { org, connection }: { org: string; connection: string },
  payload: object,
): Promise<Template | undefined> {
  const given = objectOf((payload as Record<string, unknown>)['template'])
  const name = given?.['name']
  const language = objectOf(given?.['language'])?.['code']
  if (typeof name !== 'string' || typeof language !== 'string') return undefined
  return templateNamed(tx, org, { connection, name, language })
}

export const isMarketing = (template: Template | undefined): boolean =>
  template?.category?.toUpperCase() === 'MARKETING'

type Asked = {
  org: string
  place: { contact_id: string; connection_id: string }
  outgoing: Outgoing
}

/**
 * A template message with the words it comes to. Throws Refusal 422 where the template cannot be sent now (its code says
 * why), and where it is marketing and the contact objected to that. One that is not known here goes as it is.
 */
export async function readTemplate(tx: Tx, { org, place, outgoing }: Asked): Promise<Outgoing> {
  const at = { org, connection: place.connection_id }
  const template = await templateIn(tx, at, outgoing.payload)
  if (!template) return outgoing
  const stop = stopOf(template)
  if (stop) throw new Refusal(422, stop.code, stop.sentence)
  if (isMarketing(template)) await refuseStopped(tx, org, place.contact_id, 'market')
  const given = objectOf((outgoing.payload as Record<string, unknown>)['template'])
  const text = wordsSaid(template, given?.['components']) || null
  const line = text?.replace(/\s+/g, ' ')
  return { ...outgoing, text, preview: line ? cut(line, PREVIEW) : outgoing.preview }
}
