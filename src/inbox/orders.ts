import type { Message } from '../messages/messages.ts'
import type { Body } from './bodies.ts'
import { listIn, ownIn, textIn } from './payloads.ts'

export type OrderLine = { name: string; quantity: string; price: string }

const SCALE = 6
const MOST_LINES = 30

/** A decimal number as whole millionths, or undefined for anything else: sums of prices must not depend on binary fractions. */
function millionths(value: unknown): bigint | undefined {
  const [, sign = '', whole = '', part = ''] =
    /^(-?)(\d{1,15})(?:\.(\d{1,6}))?$/.exec(String(value)) ?? []
  if (whole === '') return undefined
  return BigInt(`${sign}${whole}${part.padEnd(SCALE, '0')}`)
}

/** An amount as people read it, in the currency's own way where it is one. */
function money(amount: bigint, currency: string): string {
  const value = Number(amount) / 10 ** SCALE
  try {
    return new Intl.NumberFormat('en-GB', { style: 'currency', currency }).format(value)
  } catch {
    return `${value.toFixed(2)} ${currency}`.trim()
  }
}

/** An amount of a payment, given in small units: `offset` of them make one. */
export function paid(value: unknown, offset: unknown, currency: string): string {
  const [units, each] = [Number(value), Number(offset)]
  if (!Number.isSafeInteger(units) || !(each > 0)) return ''
  return money(BigInt(Math.round((units / each) * 10 ** SCALE)), currency)
}

/** What the customer puts into the basket. Source: WhatsApp Cloud API, order messages. */
export function orderBody(message: Message): Body {
  const items = listIn(ownIn(message), 'product_items')
  const lines = items.slice(0, MOST_LINES).map((item) => lineOf(item))
  const known = lines.map(({ sum }) => sum)
  const currencies = new Set(lines.map(({ currency }) => currency))
  const [currency = ''] = currencies
  const total = known.reduce<bigint | undefined>(
    (all, one) => (all === undefined || one === undefined ? undefined : all + one),
    0n,
  )
  const isSum = total !== undefined && currencies.size === 1 && items.length <= MOST_LINES
  return {
    view: 'order',
    lines: lines.map(({ name, quantity, price }) => ({ name, quantity, price })),
    total: isSum ? money(total, currency) : '',
  }
}

function lineOf(item: unknown): OrderLine & { sum: bigint | undefined; currency: string } {
  const { quantity, item_price } = (item ?? {}) as Record<string, unknown>
  const currency = textIn(item, 'currency')
  const [price, count] = [millionths(item_price), Number(quantity)]
  const isCount = Number.isSafeInteger(count) && count > 0
  const sum = price !== undefined && isCount ? price * BigInt(count) : undefined
  return {
    name: textIn(item, 'product_retailer_id') || 'Item',
    quantity: isCount ? String(count) : '?',
    price: sum === undefined ? '' : money(sum, currency),
    sum,
    currency,
  }
}
