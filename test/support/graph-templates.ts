type Call = { path: string; token: string; body: object }
type Told = { status: number; body: object }
type Template = { id: string; name: string; language: string; status: string } & Record<
  string,
  unknown
>

/** The templates of a Graph API of our own, by account, and what was asked about them. */
export type Shelf = {
  /** By business account. */
  of: Record<string, Template[]>
  /** At most so many on a page, whatever was asked for. */
  pageSize: number
  calls: { method: string; path: string; token: string; body: object }[]
  /** What the next calls are answered with, in order, instead of what is here. */
  script: Told[]
}

export const newShelf = (): Shelf => ({
  of: {},
  pageSize: 100,
  calls: [],
  script: [],
})

/** A template as Meta lists it, with a body of one line. */
export const templateOf = (name: string, more: Record<string, unknown> = {}): Template => ({
  id: `77${String(Math.abs(hash(name + String(more['language'])))).padStart(12, '0')}`,
  name,
  language: 'en',
  status: 'APPROVED',
  category: 'UTILITY',
  parameter_format: 'POSITIONAL',
  components: [{ type: 'BODY', text: 'Thank you.' }],
  quality_score: { score: 'UNKNOWN' },
  rejected_reason: 'NONE',
  ...more,
})

const hash = (text: string): number =>
  Array.from(text).reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) | 0, 7)

/** The answer to a call about templates, undefined for any other. */
export function answerTemplates(shelf: Shelf, method: string, call: Call): Told | undefined {
  const url = new URL(call.path, 'http://graph')
  const [, , waba = '', edge] = url.pathname.split('/')
  const isEdit = method === 'POST' && edge === undefined
  if (edge !== 'message_templates' && !isEdit) return undefined
  shelf.calls.push({ method, path: call.path, token: call.token, body: call.body })
  const scripted = shelf.script.shift()
  return (
    scripted ??
    (method === 'GET' ? page(shelf.of[waba] ?? [], url, shelf.pageSize) : done(isEdit, method))
  )
}

const done = (isEdit: boolean, method: string): Told =>
  isEdit || method === 'DELETE'
    ? { status: 200, body: { success: true } }
    : { status: 200, body: { id: '77001', status: 'PENDING' } }

/** As Meta pages: the last page has cursors too, and only `next` says that there is more. */
function page(all: Template[], url: URL, most: number): Told {
  const from = Number(url.searchParams.get('after') ?? 0)
  const size = Math.min(most, Number(url.searchParams.get('limit') ?? 25))
  const data = all.slice(from, from + size)
  const after = String(from + size)
  const next = from + size < all.length ? { next: `${url.href}&after=${after}` } : {}
  return {
    status: 200,
    body: { data, paging: { cursors: { before: String(from), after }, ...next } },
  }
}
