/** A small curve, as the paths of an SVG that is 128 wide and 28 high. */
export type Spark = { line: string; area: string }

const [WIDTH, HEIGHT] = [128, 28]

/** The highest value touches the top; nothing at all lies on the ground. */
export function sparkOf(values: number[]): Spark {
  const highest = Math.max(1, ...values)
  const step = WIDTH / Math.max(1, values.length - 1)
  const points = values.map(
    (value, n) => `${short(n * step)} ${short(HEIGHT - (value / highest) * HEIGHT)}`,
  )
  const line = `M${points.join('L')}`
  return { line, area: `${line}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z` }
}

const short = (n: number): string => String(Number(n.toFixed(1)))
