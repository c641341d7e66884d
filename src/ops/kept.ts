/** The last answer for a while, and one question at a time however many ask at once. */
export type Kept<T> = {
  /** An answer that is not older than `maxAgeMs`, or a new one. */
  get(maxAgeMs: number): Promise<T>
}

/** Remembers what `read` answers. A failure is told to everybody who waits for it and not remembered. */
export function keep<T>(read: () => Promise<T>): Kept<T> {
  let last: { at: number; value: T } | undefined
  let asking: Promise<T> | undefined
  const ask = async (): Promise<T> => {
    const at = performance.now()
    try {
      const value = await read()
      last = { at, value }
      return value
    } finally {
      asking = undefined
    }
  }
  return {
    get(maxAgeMs) {
      if (last && performance.now() - last.at <= maxAgeMs) return Promise.resolve(last.value)
      asking ??= ask()
      return asking
    },
  }
}
