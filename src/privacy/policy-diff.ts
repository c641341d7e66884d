/** A run of words that both texts have, only the earlier one, or only the later one. */
export type Piece = { kind: 'same' | 'gone' | 'new'; text: string }
/** One paragraph of both texts, or as many as were rewritten together. */
export type Passage = Piece[]

const PARAGRAPHS = /\n\n+/
const WORDS = /\s+/

/**
 * What changed between two texts, in the order of reading: paragraphs that stayed are one piece, rewritten ones are
 * compared word by word. Nothing is left out: all that is `same` or `gone` is the earlier text, all that is `same` or
 * `new` the later one, but for white space.
 */
export function diffTexts(earlier: string, later: string): Passage[] {
  const [a, b] = [earlier.trim().split(PARAGRAPHS), later.trim().split(PARAGRAPHS)]
  const passages: Passage[] = []
  for (const { kind, from, to } of runs(a, b)) {
    if (kind === 'same') passages.push(...from.map((text): Passage => [{ kind: 'same', text }]))
    else passages.push(diffWords(from.join(' '), to.join(' ')))
  }
  return passages
}

function diffWords(earlier: string, later: string): Passage {
  const [a, b] = [earlier, later].map((text) => text.split(WORDS).filter(Boolean))
  return runs(a ?? [], b ?? []).flatMap(({ kind, from, to }): Passage => {
    if (kind === 'same') return [{ kind: 'same', text: from.join(' ') }]
    const pieces: Passage = [
      { kind: 'gone', text: from.join(' ') },
      { kind: 'new', text: to.join(' ') },
    ]
    return pieces.filter(({ text }) => text !== '')
  })
}

type Run = { kind: 'same' | 'changed'; from: string[]; to: string[] }

/** Both lists cut where they agree, by their longest common subsequence. */
function runs(a: string[], b: string[]): Run[] {
  const lengths = commonLengths(a, b)
  const at = (i: number, j: number): number => lengths[i * (b.length + 1) + j] ?? 0
  const found: Run[] = []
  const last = (kind: Run['kind']): Run => {
    const run = found.at(-1)
    if (run?.kind === kind) return run
    const next: Run = { kind, from: [], to: [] }
    found.push(next)
    return next
  }
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    const [x, y] = [a[i], b[j]]
    if (x !== undefined && x === y) {
      last('same').from.push(x)
      i += 1
      j += 1
    } else if (x !== undefined && (y === undefined || at(i + 1, j) >= at(i, j + 1))) {
      last('changed').from.push(x)
      i += 1
    } else if (y !== undefined) {
      last('changed').to.push(y)
      j += 1
    }
  }
  return found
}

/** How many words what begins at `i` and what begins at `j` have in common, in a row of `b.length + 1` for each `i`. */
function commonLengths(a: string[], b: string[]): Uint32Array {
  const width = b.length + 1
  const lengths = new Uint32Array((a.length + 1) * width)
  for (let i = a.length - 1; i >= 0; i -= 1)
    for (let j = b.length - 1; j >= 0; j -= 1)
      lengths[i * width + j] =
        a[i] === b[j]
          ? (lengths[(i + 1) * width + j + 1] ?? 0) + 1
          : Math.max(lengths[(i + 1) * width + j] ?? 0, lengths[i * width + j + 1] ?? 0)
  return lengths
}
