/** What stands in a text in place of something that opens a door. */
export const MASK = '[masked]'

/** Shapes that are a key far more often than a word. The first group, where there is one, stays. */
const SHAPES: readonly RegExp[] = [
  // A password or key that is named as one.
  /\b((?:pass(?:word|wort|phrase|wd)?|contraseña|senha|secret|api[ _-]?key|token)\s*[:=]\s*)\S+/giu,
  /\b(bearer\s+)[\w.~+/-]{12,}=*/gi,
  // Tokens of Meta, our own keys, and those of common providers.
  /\bEAA[A-Za-z0-9]{16,}/g,
  /\bcf_[\w-]{16,}/g,
  /\b(?:sk|rk|pk|ghp|gho|glpat|xox[abp])[-_][\w-]{16,}/g,
  /\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}/g,
  /-----BEGIN [A-Z ]+-----[\s\S]+?-----END [A-Z ]+-----/g,
  /\b[0-9a-f]{32,}\b/gi,
  // Long, and made of capitals, small letters and digits together.
  /(?<![\w/+-])(?=[\w/+-]*\d)(?=[\w/+-]*[a-z])(?=[\w/+-]*[A-Z])[\w/+-]{40,}={0,2}/g,
]

/** The text with everything that looks like a secret masked, and how many there were. Masked text stays as it is. */
export function maskSecrets(text: string): { text: string; found: number } {
  let found = 0
  const masked = SHAPES.reduce(
    (left, shape) =>
      left.replace(shape, (whole: string, kept: unknown) => {
        const named = typeof kept === 'string' ? kept : ''
        if (whole === named + MASK) return whole
        found += 1
        return named + MASK
      }),
    text,
  )
  return { text: masked, found }
}
