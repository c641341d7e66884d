/** `12 s ago`, `5 min ago`, `3 h ago`, then the day in UTC. */
export function ago(then: Date | string, now: Date): string {
  const date = new Date(then)
  const seconds = Math.max(0, Math.round((now.getTime() - date.getTime()) / 1_000))
  if (seconds < 60) return `${seconds} s ago`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`
  return seconds < 86_400 ? `${Math.floor(seconds / 3_600)} h ago` : date.toISOString().slice(0, 10)
}
