import { z } from 'zod'
import { Refusal } from '../refusal.ts'

/** Turned around, hidden or control characters could make one name look like another. */
const INVISIBLE = /[\p{Cc}\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/gu
const EMAIL_LENGTH = 254
const NAME_LENGTH = 120

/** A name as people wrote it, without what cannot be seen. */
const cleaned = (text: string): string =>
  text.normalize('NFC').replaceAll(INVISIBLE, '').replaceAll(/\s+/g, ' ').trim()

/** The name of a person or an organization; throws Refusal 422 for the given field when it is empty or too long. */
export function checkName(field: 'name' | 'organization', text: string): string {
  const name = cleaned(text)
  const whose = field === 'name' ? 'your name' : 'the name of your organization'
  if (name === '') throw fault(field, `Enter ${whose}.`)
  if (Array.from(name).length > NAME_LENGTH)
    throw fault(field, `Use at most ${NAME_LENGTH} characters.`)
  return name
}

/** An address in the one form it is kept in; throws Refusal 422 for the field `email`. */
export function checkEmail(text: string): string {
  const email = normalEmail(text)
  if (email.length > EMAIL_LENGTH || !z.email().safeParse(email).success)
    throw fault('email', 'Enter an e-mail address like name@example.com.')
  return email
}

export const normalEmail = (text: string): string => text.normalize('NFC').trim().toLowerCase()

function fault(field: string, detail: string): Refusal {
  return new Refusal(422, 'invalid', detail, { [field]: detail })
}
