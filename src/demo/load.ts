import { randomInt } from 'node:crypto'
import { listConnections } from '../connections/connections.ts'
import { rows } from '../db.ts'
import { newCode, newId } from '../ids.ts'
import { Refusal } from '../refusal.ts'
import type { Resources } from '../resources.ts'
import { writeHistory, type PastConversation, type PastMessage } from './history.ts'

export type Load = { conversations: number; messages: number }

const BATCH = 4_000
const SPAN_MS = 30 * 86_400_000
const FIRST = 'Ana Ben Chloé Dario Elif Farah Goran Hana Ines Jamal Kofi Lena Mia Nils Omar Paula'
const LAST = 'Abreu Berg Costa Demir Evans Farouk Gupta Horvat Iyer Jansen Kaya Lopes Moreau Novak'
const ASKED = [
  'Hi, is the linen shirt back in stock?',
  '¿Cuánto tarda el envío a Monterrey?',
  'Vocês aceitam troca sem a etiqueta?',
  'Thanks, that was quick!',
  'هل يتوفر مقاس أصغر؟',
  'क्या यह लाल रंग में मिलेगा?',
  'Could you send a photo of the back?',
  'Ok 👍',
]
const ANSWERED = [
  'Hello! Yes, in all sizes since this morning.',
  'Normalmente tres días hábiles.',
  'Aceitamos, dentro de trinta dias.',
  'You are welcome. Write any time.',
  'نعم، يصل يوم الخميس.',
  'जी हाँ, अगले हफ़्ते।',
  'Of course, give me two minutes.',
]

/**
 * Fill an organization for benches: `messages` in all, spread over `conversations` with new people, on the
 * organization's first connection, within the last 30 days. Throws Refusal 409 when it has no connection, 422 for
 * fewer messages than conversations.
 */
export async function seedLoad(on: Resources, org: string, load: Load): Promise<Load> {
  const { conversations, messages } = load
  if (conversations < 1 || messages < conversations)
    throw new Refusal(422, 'invalid', 'Give each conversation at least one message.')
  const { connection, members } = await placeIn(on, org)
  const each = Math.floor(messages / conversations)
  const more = messages % conversations
  const batch = Math.max(1, Math.floor(BATCH / each))
  for (let from = 0; from < conversations; from += batch) {
    const size = Math.min(batch, conversations - from)
    const past = Array.from({ length: size }, (_, i) =>
      invent(each + (from + i < more ? 1 : 0), members, on.now()),
    )
    await writeHistory(on, org, connection, past)
  }
  return load
}

async function placeIn(
  on: Resources,
  org: string,
): Promise<{ connection: string; members: string[] }> {
  return on.db.withTenant(org, async (tx) => {
    const [first] = await listConnections(tx, org)
    if (!first)
      throw new Refusal(409, 'no_connection', 'Connect a number first: conversations need one.')
    const members = await rows<{ user_id: string }>(
      tx,
      'select user_id from memberships where org_id = ? order by user_id',
      [org],
    )
    return { connection: first.id, members: members.map(({ user_id }) => user_id) }
  })
}

function invent(count: number, members: string[], now: Date): PastConversation {
  const end = now.getTime() - randomInt(SPAN_MS)
  const messages = Array.from({ length: count }, (_, i) =>
    inventMessage(i, new Date(end - (count - 1 - i) * 180_000), pick(members)),
  )
  const isOpen = randomInt(3) === 0
  const hasLastWord = messages.at(-1)?.direction === 'in'
  return {
    id: newId(),
    contact: {
      name: `${pick(FIRST.split(' '))} ${pick(LAST.split(' '))}`,
      // A country code nobody has, so that no invented number is anybody's.
      phone: `999${randomInt(10 ** 12)
        .toString()
        .padStart(12, '0')}`,
      userId: null,
      username: null,
    },
    status: isOpen ? 'open' : 'resolved',
    assignee: randomInt(3) === 0 ? null : pick(members),
    unread: isOpen && hasLastWord ? 1 : 0,
    messages,
  }
}

function inventMessage(i: number, at: Date, author: string | null): PastMessage {
  const isIn = i % 2 === 0
  return {
    id: newId(),
    direction: isIn ? 'in' : 'out',
    kind: 'text',
    text: pick(isIn ? ASKED : ANSWERED),
    payload: {},
    wamid: `wamid.${newCode(24)}`,
    context_wamid: null,
    status: isIn ? 'received' : randomInt(4) === 0 ? 'delivered' : 'read',
    author_id: isIn ? null : author,
    error_code: null,
    error_title: null,
    at,
  }
}

function pick<T>(choices: T[]): T {
  const chosen = choices[randomInt(choices.length)]
  if (chosen === undefined) throw new Error('nothing to choose from')
  return chosen
}
