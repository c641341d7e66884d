const MINUTE = 60
const HOUR = 3_600
const DAY = 86_400

/** An age as people say it, of seconds: `0.3 s`, `12 s`, `5 min`, `2 h 23 min`, `3 d 4 h`. */
export function span(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  if (seconds < MINUTE) return `${Math.round(seconds)} s`
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`
  if (seconds < DAY) return join(seconds, [HOUR, 'h'], [MINUTE, 'min'])
  return join(seconds, [DAY, 'd'], [HOUR, 'h'])
}

type Unit = readonly [size: number, name: string]

function join(seconds: number, [big, bigName]: Unit, [small, smallName]: Unit): string {
  const rest = Math.floor((seconds % big) / small)
  return `${Math.floor(seconds / big)} ${bigName}${rest > 0 ? ` ${rest} ${smallName}` : ''}`
}
