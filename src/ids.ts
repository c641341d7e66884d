import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { v7, validate } from 'uuid'

/** A UUIDv7: sortable by time of making, made before the row so that a retried job cannot create twice. */
export const newId = (): string => v7()

export const isId = (value: unknown): value is string =>
  typeof value === 'string' && validate(value)

/** A public code of `bytes` random bytes in base64url; only its digest is stored. */
export const newCode = (bytes = 32): string => randomBytes(bytes).toString('base64url')

export const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Compare secrets in constant time, whatever their lengths. */
export const sameSecret = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b))
