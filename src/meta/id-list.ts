import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { deleteGrant } from './callbacks.ts'

/** Whose deletion was asked for in which line, and the code to follow it by. */
export type Listed = { line: number; id: string; code: string }

const ID = /^\d{1,32}$/
const MOST = 10_000

/**
 * Deletes what was got through the grants of the people in a list of Meta's: app-scoped ids, one a line, as they come by mail
 * when the callback could not be reached. The same list of the same day gets the same codes and makes nothing new.
 *
 * Throws Refusal 422 `no_app` where no app is named or configured, and `invalid_lines` with the numbers of the lines that are
 * no ids; then nothing was asked for. Source: Meta, data deletion requests; promise P41.
 */
export async function deleteListed(
  on: Resources,
  {
    text,
    app = on.config.META_APP_ID,
    received,
  }: { text: string; app?: string | undefined; received: Date },
): Promise<Listed[]> {
  if (app === undefined)
    throw new Refusal(
      422,
      'no_app',
      'Name the app the ids belong to: --app ID, or set META_APP_ID.',
    )
  const lines = readIds(text)
  const issued = Math.floor(received.getTime() / 86_400_000) * 86_400
  const listed: Listed[] = []
  for (const { line, id } of lines) {
    const grant = { app, user: id, orgs: [] }
    listed.push({ line, id, code: await deleteGrant(on, { grant, issued, received }) })
  }
  return listed
}

/** Empty lines are none. What stands in a wrong one is not repeated: it may be anything. */
function readIds(text: string): { line: number; id: string }[] {
  const all = text.split(/\r?\n/).map((one, at) => ({ line: at + 1, id: one.trim() }))
  const lines = all.filter(({ id }) => id !== '')
  const wrong = lines.filter(({ id }) => !ID.test(id)).map(({ line }) => line)
  if (wrong.length > 0)
    throw new Refusal(
      422,
      'invalid_lines',
      `No app-scoped id, which is digits alone, stands in ${wrong.length === 1 ? 'line' : 'lines'} ${shown(wrong)}. Nothing was imported.`,
    )
  if (lines.length === 0 || lines.length > MOST)
    throw new Refusal(422, 'invalid_list', `The list must hold 1 to ${MOST} ids, one a line.`)
  return lines
}

const SHOWN = 20
const shown = (numbers: number[]): string =>
  numbers.slice(0, SHOWN).join(', ') +
  (numbers.length > SHOWN ? ` and ${numbers.length - SHOWN} more` : '')
