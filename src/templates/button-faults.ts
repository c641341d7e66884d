import { BLANK, blanksIn } from './components.ts'
import type { DraftButton } from './draft.ts'

// Source: WhatsApp Business Management API, template buttons and their limits.

const when = (isBroken: boolean, sentence: string): string | undefined =>
  isBroken ? sentence : undefined

const MOST: Readonly<Record<string, readonly [number, string]>> = {
  URL: [2, 'Two buttons may lead to an address.'],
  PHONE_NUMBER: [1, 'One button may call a number.'],
  COPY_CODE: [1, 'One button may copy a code.'],
}

/** What is wrong with the buttons all in all. */
export function buttonsFault(buttons: DraftButton[]): string | undefined {
  if (buttons.length > 10) return 'Ten buttons fit.'
  for (const [type, [most, sentence]] of Object.entries(MOST))
    if (buttons.filter((button) => button.type === type).length > most) return sentence
  const labels = buttons.map(({ text }) => text).filter(Boolean)
  if (new Set(labels).size < labels.length) return 'Two buttons say the same.'
  const replies = buttons
    .map(({ type }, n) => (type === 'QUICK_REPLY' ? n : -1))
    .filter((n) => n >= 0)
  const [first = 0] = replies
  return when(
    replies.some((at, n) => at !== first + n),
    'Answers stand together: all before or all after the other buttons.',
  )
}

/** What is wrong with one of them, by its fields in the form. */
export function buttonFault({ type, text, value }: DraftButton, n: number): Record<string, string> {
  const fault =
    type === 'COPY_CODE'
      ? undefined
      : text === ''
        ? 'Write what the button says.'
        : labelFault(text)
  const content = CONTENT[type]?.(value)
  return {
    ...(fault ? { [`button_text_${n}`]: fault } : {}),
    ...(content ? { [`button_value_${n}`]: content } : {}),
  }
}

const labelFault = (text: string): string | undefined =>
  when(text.length > 25, `A button may have 25 characters, and this one has ${text.length}.`)

const CONTENT: Readonly<Record<string, (value: string) => string | undefined>> = {
  URL: addressFault,
  PHONE_NUMBER: (value) =>
    when(
      !/^\+?\d{5,20}$/.test(value),
      'A number has its country code and digits only, such as +15550100.',
    ),
  COPY_CODE: (value) =>
    when(value === '' || value.length > 20, 'Give an example code of at most 20 characters.'),
}

function addressFault(value: string): string | undefined {
  const blanks = blanksIn(value)
  const bare = value.replace(BLANK, 'x')
  if (!/^https?:\/\//.test(value) || !URL.canParse(bare) || value.length > 2_000)
    return 'Give an address that begins with https://.'
  return when(
    blanks.length > 1 || (blanks.length === 1 && !value.endsWith('}}')),
    'One blank fits into an address, at its end.',
  )
}
