type Truthy<T> = Exclude<T, false | 0 | '' | null | undefined>

/**
 * Wait for a condition instead of sleeping: resolves with the first truthy value `look` gives, and fails with the
 * last one seen (or the last error) when `ms` milliseconds have passed.
 */
export async function until<T>(look: () => T | Promise<T>, ms = 10_000): Promise<Truthy<T>> {
  const end = Date.now() + ms
  let last: unknown
  while (Date.now() < end) {
    try {
      const seen = await look()
      if (seen) return seen as Truthy<T>
      last = seen
    } catch (error) {
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, 15))
  }
  if (last instanceof Error) throw last
  throw new Error(`not true within ${ms} ms; last seen: ${JSON.stringify(last)}`)
}
