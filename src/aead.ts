import { createCipheriv, createDecipheriv } from 'node:crypto'

const ALGORITHM = 'aes-256-gcm'
export const NONCE_BYTES = 12
export const TAG_BYTES = 16
// Without it Node takes tags of four bytes when it opens, which can be forged.
const TAG = { authTagLength: TAG_BYTES }

type With = { key: Buffer; nonce: Buffer; aad: Buffer }

/**
 * AES-256-GCM as NIST SP 800-38D has it: ciphertext, then the tag of 128 bits. The nonce must never come twice under one
 * key, so only the vault calls this, with one that is fresh.
 */
export function encipher({ key, nonce, aad }: With, plain: string | Buffer): Buffer {
  const cipher = createCipheriv(ALGORITHM, key, nonce, TAG)
  cipher.setAAD(aad)
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** The bytes behind ciphertext and tag; throws, and shows nothing of them, when any bit is not as it was. */
export function decipher({ key, nonce, aad }: With, sealed: Buffer): Buffer {
  const cipher = createDecipheriv(ALGORITHM, key, nonce, TAG)
  cipher.setAAD(aad)
  cipher.setAuthTag(sealed.subarray(-TAG_BYTES))
  return Buffer.concat([cipher.update(sealed.subarray(0, -TAG_BYTES)), cipher.final()])
}
