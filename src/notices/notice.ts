/** What Meta reports of an account, a number or a template, as a webhook says it. */
export type Notice = {
  /** The webhook field it came by. */
  field: string
  /** What it says, in Meta's word where it is one; `unknown` for what we do not understand. */
  event: string
  /** Declared fields only, under the names WhatsApp gives them; nothing of a customer is among them. */
  payload: Record<string, unknown>
  /** JSON of the original, to be sealed, when it holds more than `payload` says. */
  raw: string | null
  /** Digest of the content in hex: what comes again is known. */
  key: string
  at: Date
  /** The business account it is about. */
  waba: string | null
  /** The number it is about, digits only, where no id of it is given. */
  phone: string | null
}
