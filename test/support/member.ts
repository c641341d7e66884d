import type { Running } from './app.ts'
import type { Org } from './org.ts'
import { signInAs } from './sign-in.ts'

/** A signed-in browser with scripts off; redirects are seen and not followed. */
export type Member = {
  get(path: string, more?: Record<string, string>): Promise<Response>
  /** A form with files. */
  send(path: string, form: FormData): Promise<Response>
  post(path: string, form?: Record<string, string> | [string, string][]): Promise<Response>
}

/** Somebody new with this role, signed in to the organization. */
export async function member(app: Running, org: Org, role: string): Promise<Member> {
  const cookie = await signInAs(app.on, org, await org.person(role))
  const headers = { cookie, origin: app.url }
  return {
    get: (path, more = {}) =>
      fetch(app.url + path, { headers: { ...headers, ...more }, redirect: 'manual' }),
    send: (path, form) =>
      fetch(app.url + path, { method: 'POST', headers, redirect: 'manual', body: form }),
    post: (path, form = {}) =>
      fetch(app.url + path, {
        method: 'POST',
        headers,
        redirect: 'manual',
        body: new URLSearchParams(form),
      }),
  }
}
