/** Something a person can act on: shown in place, with what to do next; never logged as an error. */
export class Refusal extends Error {
  readonly status: number
  readonly code: string
  readonly fields: Record<string, string>

  /**
   * `status` is the HTTP status (4xx, or 503 for "later"), `code` a stable word for programs,
   * `detail` the sentence people read, `fields` a sentence per form field.
   */
  constructor(status: number, code: string, detail: string, fields: Record<string, string> = {}) {
    super(detail)
    this.status = status
    this.code = code
    this.fields = fields
  }
}

/** The one answer for an id that is unknown, another organization's, or not for this person. */
export const notFound = (what = 'page'): Refusal =>
  new Refusal(404, 'not_found', `This ${what} does not exist or is not yours to see.`)
