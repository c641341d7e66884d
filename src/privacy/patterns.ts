/**
 * Whether a pattern of the manifest covers a path. Both are lists of parts: in a part `*` stands for any text, and a last
 * part `**` for whatever lies below.
 */
export function covers(pattern: readonly string[], path: readonly string[]): boolean {
  const isOpen = pattern.at(-1) === '**'
  const fixed = isOpen ? pattern.slice(0, -1) : pattern
  const isLongEnough = isOpen ? path.length > fixed.length : path.length === fixed.length
  return isLongEnough && fixed.every((part, index) => fits(part, path[index] ?? ''))
}

function fits(part: string, text: string): boolean {
  if (!part.includes('*')) return part === text
  const [first = '', ...rest] = part.split('*')
  const last = rest.pop() ?? ''
  if (text.length < first.length + last.length) return false
  if (!text.startsWith(first) || !text.endsWith(last)) return false
  let at = first.length
  const end = text.length - last.length
  for (const piece of rest) {
    const found = text.indexOf(piece, at)
    if (found === -1 || found + piece.length > end) return false
    at = found + piece.length
  }
  return true
}
