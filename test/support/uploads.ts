import { newId } from '../../src/ids.ts'
import type { Running } from './app.ts'
import type { Answer, Visitor } from './visitor.ts'

/** The beginning of a picture. */
export const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')

export type NamedFile = [name: string, bytes: Buffer]

/** Sends a form, its files named in pairs, as a browser does; it comes with a token of its own unless it brings one. */
export async function sendFiles(
  app: Running,
  visitor: Visitor,
  page: string,
  given: Record<string, string | NamedFile[]>,
): Promise<Answer> {
  const form = new FormData()
  const fields: Record<string, string | NamedFile[]> = { token: newId(), ...given }
  for (const [field, value] of Object.entries(fields))
    if (typeof value === 'string') form.append(field, value)
    else
      for (const [name, bytes] of value) form.append(field, new Blob([new Uint8Array(bytes)]), name)
  const cookie = [...visitor.cookies].map((pair) => pair.join('=')).join('; ')
  const answer = await fetch(app.url + page, {
    method: 'POST',
    redirect: 'manual',
    headers: { Origin: app.url, ...(cookie ? { Cookie: cookie } : {}) },
    body: form,
  })
  const location = answer.headers.get('location') ?? ''
  return { status: answer.status, text: await answer.text(), headers: answer.headers, location }
}
