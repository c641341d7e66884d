import { BLANK, blanksIn } from './components.ts'
import { buttonFault, buttonsFault } from './button-faults.ts'
import { namesIn, sampled, type Draft } from './draft.ts'

const HEADERS = new Set(['', 'TEXT', 'IMAGE', 'VIDEO', 'DOCUMENT', 'LOCATION'])
const CATEGORIES = new Set(['MARKETING', 'UTILITY', 'AUTHENTICATION'])

type Faults = Record<string, string>
type Rule = (draft: Draft) => string | Faults | undefined

/**
 * What Meta would not take, a sentence for each field; nothing when it may be asked.
 * Source: WhatsApp Business Management API, template components and their limits.
 */
export function faultsIn(draft: Draft): Faults {
  const rules =
    draft.category === 'AUTHENTICATION' ? [...ALWAYS, ...OF_CODES] : [...ALWAYS, ...OF_WORDS]
  const faults: Faults = {}
  for (const [field, rule] of rules) {
    const found = rule(draft)
    const named = typeof found === 'string' ? { [field]: found } : (found ?? {})
    for (const [name, sentence] of Object.entries(named)) faults[name] ??= sentence
  }
  return faults
}

const when = (isBroken: boolean, sentence: string): string | undefined =>
  isBroken ? sentence : undefined

const ALWAYS: readonly (readonly [string, Rule])[] = [
  [
    'name',
    ({ name }) =>
      when(
        !/^[a-z0-9_]{1,512}$/.test(name),
        'A name has small letters, digits and underscores only, such as order_ready.',
      ),
  ],
  [
    'language',
    ({ language }) => when(!/^[a-z]{2,3}(_[A-Z]{2,3})?$/.test(language), 'Choose a language.'),
  ],
  ['category', ({ category }) => when(!CATEGORIES.has(category), 'Choose a category.')],
]

const OF_CODES: readonly (readonly [string, Rule])[] = [
  [
    'minutes',
    ({ minutes }) =>
      when(
        minutes !== '' && !(Number(minutes) >= 1 && Number(minutes) <= 90),
        'A code is good for 1 to 90 minutes.',
      ),
  ],
]

const OF_WORDS: readonly (readonly [string, Rule])[] = [
  ['header', ({ header }) => when(!HEADERS.has(header), 'Choose a header.')],
  ['header_text', headerFault],
  [
    'header_handle',
    ({ header, header_handle: handle }) =>
      when(
        ['IMAGE', 'VIDEO', 'DOCUMENT'].includes(header) && handle === '',
        'Meta wants an example of the file: upload one, and give its handle (4::…) here.',
      ),
  ],
  ['body', bodyFault],
  ['body', blankFault],
  [
    'footer',
    ({ footer }) =>
      when(footer.length > 60, `The footer may have 60 characters, and has ${footer.length}.`),
  ],
  [
    'footer',
    ({ footer }) => when(blanksIn(footer).length > 0, 'Nothing can be filled in in the footer.'),
  ],
  ['buttons', ({ buttons }) => buttonsFault(buttons)],
  ['buttons', ({ buttons }) => Object.assign({}, ...buttons.map(buttonFault)) as Faults],
  ['samples', sampleFaults],
]

function headerFault({ header, header_text: text }: Draft): string | undefined {
  if (header !== 'TEXT') return undefined
  if (text.trim() === '') return 'Write the header, or choose none.'
  if (text.length > 60) return `The header may have 60 characters, and has ${text.length}.`
  if (/[*_~`\n]/.test(text.replace(BLANK, '')))
    return 'A header has no line break and none of * _ ~ `.'
  return when(blanksIn(text).length > 1, 'One place can be filled in in a header.')
}

function bodyFault({ body }: Draft): string | undefined {
  if (body.trim() === '') return 'Write the text.'
  if (body.length > 1_024) return `The text may have 1,024 characters, and has ${body.length}.`
  if (/^\s*\{\{|\}\}\s*$/.test(body))
    return 'Meta wants words before the first blank and after the last one.'
  return when(/\}\}\s*\{\{/.test(body), 'Meta wants words between two blanks.')
}

/** Numbers from 1 on without a gap, or names; never both. */
function blankFault(draft: Draft): string | undefined {
  const names = namesIn(draft)
  const numbers = names.filter((name) => /^\d+$/.test(name))
  if (numbers.length > 0 && numbers.length < names.length)
    return 'Blanks are numbers or names, not both.'
  const odd = names.find((name) => !/^([a-z][a-z0-9_]*|\d+)$/.test(name))
  if (odd) return `“${odd}” is no name for a blank: small letters, digits and underscores.`
  const own = blanksIn(draft.body).filter((name) => numbers.includes(name))
  return when(
    own.some((name, n) => Number(name) !== n + 1),
    'Numbers of blanks begin with {{1}} and leave none out.',
  )
}

function sampleFaults(draft: Draft): Faults {
  const bare = sampled(draft).filter(({ key }) => !draft.samples.get(key))
  return Object.fromEntries(
    bare.map(({ key, label }) => [
      `sample.${key}`,
      `Give an example for “${label}”. Meta looks at it.`,
    ]),
  )
}
