const MAX_DEPTH = 40
const MAX_ITEMS = 50

/**
 * What a value looks like with nothing of it left: field names stay, values become their type and size. Only a
 * lower-case field name is WhatsApp's; another one may hold content, so it is masked too.
 */
export function shapeOf(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return `text(${value.length})`
  if (typeof value !== 'object' || value === null) return value === null ? null : typeof value
  if (depth >= MAX_DEPTH) return '…'
  if (Array.isArray(value)) {
    const shapes = value.slice(0, MAX_ITEMS).map((item) => shapeOf(item, depth + 1))
    return value.length > MAX_ITEMS ? [...shapes, `and ${value.length - MAX_ITEMS} more`] : shapes
  }
  const fields = Object.entries(value).slice(0, MAX_ITEMS)
  return Object.fromEntries(
    fields.map(([name, item], n) => [
      /^[a-z][a-z0-9_]{0,40}$/.test(name) ? name : `field(${n})`,
      shapeOf(item, depth + 1),
    ]),
  )
}
