import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto'
import { z } from 'zod'
import { canonical } from '../privacy/manifest.ts'
import type { Vault } from '../vault.ts'

/** A signed statement: what was deleted, when and how much of it; nobody is named. */
export const Signed = z.object({
  certificate: z.record(z.string(), z.unknown()),
  signature: z.string().regex(/^[A-Za-z0-9_-]{86}$/),
  key: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
})
export type Signed = z.infer<typeof Signed>

/** PKCS #8 of an Ed25519 key is its 32 bytes behind these. Source: RFC 8410. */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI = Buffer.from('302a300506032b6570032100', 'hex')
const PURPOSE = 'deletion_certificates'

const privateKey = (seed: Buffer): KeyObject =>
  createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' })

/** The 32 public bytes in base64url, by which a key is named. */
export const publicKeyOf = (seed: Buffer): string =>
  createPublicKey(privateKey(seed))
    .export({ format: 'der', type: 'spki' })
    .subarray(SPKI.length)
    .toString('base64url')

/** Ed25519 over the canonical JSON. */
export function signWith(seed: Buffer, certificate: Record<string, unknown>): Signed {
  const signature = sign(null, Buffer.from(canonical(certificate)), privateKey(seed))
  return { certificate, signature: signature.toString('base64url'), key: publicKeyOf(seed) }
}

/** Under a key that only the holder of the master key can make. Source: promise P44. */
export const signCertificate = (vault: Vault, certificate: Record<string, unknown>): Signed =>
  signWith(vault.derive(PURPOSE), certificate)

/** The keys this installation signs with, and signed with under the master keys it still has. */
export const publishedKeys = (vault: Vault): string[] => vault.deriveAll(PURPOSE).map(publicKeyOf)

/** True for an unaltered statement under one of `trusted`; the key a file brings along proves nothing by itself. */
export function isCertified({ certificate, signature, key }: Signed, trusted: string[]): boolean {
  if (!trusted.includes(key)) return false
  const der = Buffer.concat([SPKI, Buffer.from(key, 'base64url')])
  try {
    const by = createPublicKey({ key: der, format: 'der', type: 'spki' })
    const bytes = Buffer.from(signature, 'base64url')
    return verify(null, Buffer.from(canonical(certificate)), by, bytes)
  } catch {
    return false
  }
}
