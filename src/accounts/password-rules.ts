import { COMMON } from './common-passwords.ts'
import { Refusal } from '../refusal.ts'

/** Whose password it is: words from here are too easy to guess. */
export type Owner = { email: string; organization?: string | undefined }

const MIN = 12
const MAX = 128
const MAX_BYTES = 512
/** Letters and digits that must remain when the words anybody would try are taken out. */
const OWN = 8
const PRODUCT = ['chatflow', 'whatsapp', 'password', 'sandbox', 'crm']

/**
 * Throws Refusal 422 with a sentence for the field `password`, unless it has 12 to 128 characters and is none
 * that an attacker tries first. No rules of composition. Source: NIST SP 800-63B-4 §3.1.1.2.
 */
export function checkPassword(password: string, owner: Owner): void {
  const fault = faultOf(password.normalize('NFKC'), owner)
  if (fault) throw new Refusal(422, 'weak_password', fault, { password: fault })
}

function faultOf(password: string, owner: Owner): string | undefined {
  const length = Array.from(password).length
  if (length < MIN) return `Use at least ${MIN} characters; this has ${length}.`
  if (length > MAX || Buffer.byteLength(password) > MAX_BYTES)
    return `Use at most ${MAX} characters.`
  const folded = password.toLowerCase()
  if (COMMON.has(folded) || /^(.{1,4}?)\1+.{0,3}$/su.test(folded))
    return 'This is one of the passwords that are tried first. Choose another one.'
  const rest = withoutWords(folded, owner)
  if (rest !== folded && rest.replaceAll(/[^\p{L}\p{N}]/gu, '').length < OWN)
    return 'This is too close to your e-mail, your organization or this product. Choose another one.'
  return undefined
}

function withoutWords(folded: string, owner: Owner): string {
  const words = [owner.email, owner.organization ?? '']
    .flatMap((text) => text.toLowerCase().split(/[^\p{L}\p{N}]+/u))
    .filter((word) => word.length >= 4)
  return [...PRODUCT, ...words].reduce((rest, word) => rest.replaceAll(word, ''), folded)
}
