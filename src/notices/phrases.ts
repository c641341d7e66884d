import { objectOf } from '../messages/storable.ts'
import type { Tone, Words } from './words.ts'

const ICONS: Record<Tone, string> = { ok: 'check', warn: 'warn', danger: 'alert', '': 'info' }

export const words = (tone: Tone, title: string, detail = ''): Words => ({
  tone,
  icon: ICONS[tone],
  title,
  detail,
})

/** Meta's constant as words: `TIER_10K` stays, `LOW_QUALITY` becomes "low quality". */
export const plain = (code: unknown): string =>
  typeof code === 'string' ? code.replaceAll('_', ' ').toLowerCase().slice(0, 200) : ''

export const textOf = (value: unknown): string =>
  typeof value === 'string' ? value.slice(0, 500) : typeof value === 'number' ? String(value) : ''

/** The object in a value, empty where there is none. */
export const inside = (value: unknown): Record<string, unknown> => objectOf(value) ?? {}

/** Seconds, or a date in Meta's own words, as a day; nothing where it is neither. */
export function dayOf(value: unknown): string {
  const seconds = Number(value)
  if (seconds > 0 && seconds < 1e11) return new Date(seconds * 1_000).toISOString().slice(0, 10)
  return textOf(value).slice(0, 40)
}

/** The parts that are there, as one sentence's end. */
export const joined = (...parts: string[]): string => parts.filter(Boolean).join(' · ')
