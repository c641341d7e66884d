const MODULUS = 2_147_483_647

/** Numbers from 0 up to 1 that the seed decides, so that a failure can be repeated. */
export function seeded(seed: number): () => number {
  let state = seed
  return () => (state = (state * 48_271) % MODULUS) / MODULUS
}

/** A permutation that the seed decides. */
export function shuffled<T>(items: T[], seed: number): T[] {
  const next = seeded(seed)
  return items
    .map((item) => ({ item, key: next() }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ item }) => item)
}

/** All orders of a few items. */
export function orders<T>(items: T[]): T[][] {
  if (items.length <= 1) return [items]
  return items.flatMap((item, n) => {
    const rests = orders(items.toSpliced(n, 1))
    return rests.map((rest) => [item].concat(rest))
  })
}
