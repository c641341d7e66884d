import { audit, byPerson } from '../audit/audit.ts'
import { rows, type Tx } from '../db.ts'
import { newId } from '../ids.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import type { Source } from '../audit/audit.ts'
import { LANGUAGES, type Language } from './keywords.ts'
import type { Kind } from './vocabulary.ts'

export type Approved = { kind: Kind; language: Language; body: string; approved_at: Date }
type Who = { org: string; user: string; source?: Source }

const LONGEST = 1_000
/** What stands in braces is filled in when the answer goes out. */
const PLACES = ['{number}', '{due}', '{link}', '{code}'] as const

/** Everything the organization approved to be said in its name; nothing, until somebody does. */
export const listAnswers = (tx: Tx, org: string): Promise<Approved[]> =>
  rows<Approved>(
    tx,
    'select kind, language, body, approved_at from privacy_answers where org_id = ? order by kind, language',
    [org],
  )

/** Approved words, as a message that they answer with is accounted for. */
export type Rule = { id: string; version: number; body: string }

/** The approved words for a request: in the person's language, else those approved first; undefined when there are none. */
export async function answerFor(
  tx: Tx,
  org: string,
  { kind, language }: { kind: Kind; language: string | null },
): Promise<Rule | undefined> {
  const [found] = await rows<Rule>(
    tx,
    `select id, version, body from privacy_answers where org_id = ? and kind = ?
      order by language is not distinct from ? desc, approved_at limit 1`,
    [org, kind, language],
  )
  return found
}

/** From now on a keyword is answered with these words. Throws Refusal 422 for words that would not do. */
export async function approveAnswer(
  on: Resources,
  who: Who,
  { kind, language, body }: Pick<Approved, 'kind' | 'language' | 'body'>,
): Promise<void> {
  checkAnswer(kind, body)
  await on.db.withTenant(who.org, async (tx) => {
    await rows(
      tx,
      `insert into privacy_answers as a (org_id, id, kind, language, body, approved_by, approved_at)
       values (?, ?, ?, ?, ?, ?, ?)
       on conflict (org_id, kind, language) do update set body = excluded.body, version = a.version + 1,
         approved_by = excluded.approved_by, approved_at = excluded.approved_at`,
      [who.org, newId(), kind, language, body.trim(), who.user, on.now()],
    )
    const detail = { kind, language }
    await audit(tx, who.org, { actor: byPerson(who), action: 'rights.words_approved', detail })
  })
}

/** From now on nothing is said by itself to this keyword in this language. */
export async function withdrawAnswer(
  on: Resources,
  who: Who,
  { kind, language }: Pick<Approved, 'kind' | 'language'>,
): Promise<void> {
  await on.db.withTenant(who.org, async (tx) => {
    const gone = await rows(
      tx,
      'delete from privacy_answers where org_id = ? and kind = ? and language = ? returning kind',
      [who.org, kind, language],
    )
    const detail = { kind, language }
    if (gone.length > 0)
      await audit(tx, who.org, { actor: byPerson(who), action: 'rights.words_withdrawn', detail })
  })
}

function checkAnswer(kind: Kind, body: string): void {
  const unknown = [...body.matchAll(/\{[^}]*\}/g)].find(
    ([place]) => !PLACES.includes(place as (typeof PLACES)[number]),
  )
  const detail =
    body.trim() === '' || body.length > LONGEST
      ? `Write the answer, in at most ${LONGEST} characters.`
      : unknown
        ? `${unknown[0]} is nothing we can fill in. There are ${PLACES.join(', ')}.`
        : kind === 'erase' && !body.includes('{code}')
          ? 'Without {code} nobody could confirm. Say where to answer with it.'
          : undefined
  if (detail) throw new Refusal(422, 'invalid', detail, { body: detail })
}

export const filled = (body: string, values: Readonly<Record<string, string>>): string =>
  body.replace(/\{(\w+)\}/g, (place, name: string) => values[name] ?? place)

export const isLanguage = (text: unknown): text is Language =>
  typeof text === 'string' && Object.hasOwn(LANGUAGES, text)
