import type { Resources } from '../resources.ts'
import { open, seal } from '../vault.ts'

export type Column = 'recipient' | 'body'
const place = (column: Column, row: string) => ({
  purpose: `mail_outbox|${column}`,
  org: 'instance',
  row,
})

/** Mail belongs to the instance: its key seals who it is for and what it says. */
export function sealPart(on: Resources, column: Column, id: string, text: string): string {
  const [key] = on.vault.instance
  if (!key) throw new Error('the instance has no key')
  return seal(key, place(column, id), text)
}

/** Opens what `sealPart` made; throws SealError. */
export const openPart = (on: Resources, column: Column, id: string, envelope: string): string =>
  open(on.vault.instance, place(column, id), envelope).toString('utf8')
