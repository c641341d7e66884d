import { z } from 'zod'
import { OPERATOR } from '../audit/audit.ts'
import { isId } from '../ids.ts'
import { discardDeadLetter, listDeadLetters, showDeadLetter } from '../ops/dead-letters.ts'
import { LetterFilter } from '../ops/letter-filter.ts'
import { replayDeadLetter } from '../ops/replay.ts'
import { command, UsageError, type Command } from './command.ts'

const limit = z.coerce.number<string>().int().min(1).max(1_000)

export const deadLetterCommands: Record<string, Command> = {
  'dead-letters list': command({
    usage: '[--reason R] [--code C] [--org ID] [--from DAY] [--to DAY] [--limit N]',
    options: { ...LetterFilter.shape, limit: limit.default(100) },
    async run(at, { limit: most, ...filter }) {
      const wanted = { filter: LetterFilter.parse(filter), limit: most }
      return { dead_letters: await listDeadLetters(await at.open(), wanted) }
    },
  }),
  'dead-letters show': command({
    usage: 'ID',
    words: ['ID'],
    run: async (at, { words }) => showDeadLetter(await at.open(), idIn(words)),
  }),
  'dead-letters replay': command({
    usage: 'ID',
    words: ['ID'],
    async run(at, { words }) {
      const id = idIn(words)
      await replayDeadLetter(await at.open(), id, OPERATOR)
      return { replayed: id }
    },
  }),
  'dead-letters discard': command({
    usage: 'ID',
    words: ['ID'],
    async run(at, { words }) {
      const id = idIn(words)
      await discardDeadLetter(await at.open(), id, OPERATOR)
      return { discarded: id }
    },
  }),
}

function idIn([id]: string[]): string {
  if (!isId(id)) throw new UsageError('ID is not the id of a dead letter')
  return id
}
