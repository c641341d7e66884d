import { z } from 'zod'
import { rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { chosenIn, isKey, KEYS, type Key } from './keys.ts'
import { forgetRecent } from './recent.ts'

type Member = { org: string; user: string }

/**
 * Keep what a person chose; an empty value takes a choice back. Throws Refusal 422 naming a key that is not declared or a
 * value it cannot have; then nothing is changed.
 */
export async function setPreferences(
  on: Resources,
  who: Member,
  wanted: Readonly<Record<string, string>>,
): Promise<void> {
  const choices = checked(wanted)
  await on.db.withSystem((tx) => write(on, tx, who, choices))
}

function checked(wanted: Readonly<Record<string, string>>): Map<Key, string> {
  const choices = new Map<Key, string>()
  const faults: Record<string, string> = {}
  for (const [key, value] of Object.entries(wanted)) {
    if (!isKey(key)) faults[key] = 'There is no such preference.'
    else if (value !== '' && !KEYS[key].value.safeParse(value).success)
      faults[key] = SENTENCES[key] ?? 'Choose one of those offered.'
    else choices.set(key, value)
  }
  const [first] = Object.values(faults)
  if (first) throw new Refusal(422, 'invalid', first, faults)
  return choices
}

const SENTENCES: Partial<Record<Key, string>> = {
  zone: 'Enter a time zone such as Europe/Berlin, or leave it empty.',
}

async function write(
  on: Resources,
  tx: Tx,
  { org, user }: Member,
  choices: Map<Key, string>,
): Promise<void> {
  for (const [key, value] of choices) {
    const place = KEYS[key].scope === 'person' ? null : org
    await rows(
      tx,
      `delete from user_preferences where user_id = ? and key = ? and org_id is not distinct from cast(? as uuid)`,
      [user, key, place],
    )
    if (value !== '')
      await rows(
        tx,
        `insert into user_preferences (id, user_id, org_id, key, value, at) values (?, ?, ?, ?, ?::jsonb, ?)`,
        [newId(), user, place, key, JSON.stringify(value), on.now()],
      )
  }
}

/** Everything as the product has it: what was chosen goes, here and wherever the person is, and what was made from use. */
export async function resetPreferences(on: Resources, { org, user }: Member): Promise<void> {
  await on.db.withSystem((tx) =>
    rows(tx, `delete from user_preferences where user_id = ? and (org_id is null or org_id = ?)`, [
      user,
      org,
    ]),
  )
  await on.db.withTenant(org, (tx) => forgetRecent(tx, org, user))
}

/** Where a person begins: the page they chose, else the inbox. */
export async function startPage(on: Resources, { org, user }: Member): Promise<string> {
  const found = await on.db.withSystem((tx) =>
    rows<{ key: string; value: unknown }>(
      tx,
      `select key, value from user_preferences where user_id = ? and org_id = ?`,
      [user, org],
    ),
  )
  return chosenIn(Object.fromEntries(found.map(({ key, value }) => [key, value]))).start ?? '/inbox'
}

const Line = z.object({ key: z.string(), value: z.string() })

/**
 * Take over preferences out of an export: the lines of its `user_preferences.jsonl`, of which only keys and values count.
 * Throws Refusal 422 for what is no such file, and as `setPreferences`.
 */
export async function importPreferences(on: Resources, who: Member, text: string): Promise<void> {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const read = lines.map((line) => Line.safeParse(parsed(line)))
  if (lines.length === 0 || read.some(({ success }) => !success))
    throw new Refusal(
      422,
      'invalid',
      'Paste the lines of user_preferences.jsonl, out of the export of your data.',
      { lines: 'These are not the lines of that file.' },
    )
  const found = read.flatMap(({ data }) => (data ? [[data.key, data.value] as const] : []))
  await setPreferences(on, who, Object.fromEntries(found))
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
