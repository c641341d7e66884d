import type { Running } from './app.ts'

export type Answer = { status: number; text: string; headers: Headers; location: string }
export type Visitor = {
  cookies: Map<string, string>
  get(path: string, headers?: Record<string, string>): Promise<Answer>
  /** Posts a form as a page of ours would. */
  post(
    path: string,
    form?: Record<string, string>,
    headers?: Record<string, string>,
  ): Promise<Answer>
}

/**
 * A browser without scripts: keeps cookies, follows no redirect by itself. `cookie` is a Cookie header to begin with;
 * `ip` is what a proxy would say of it (the app must run with TRUST_PROXY=1).
 */
export function visit(app: Running, { cookie = '', ip = '' } = {}): Visitor {
  const cookies = new Map(
    cookie
      .split('; ')
      .filter(Boolean)
      .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  )
  const send = async (path: string, init: RequestInit): Promise<Answer> => {
    const headers = new Headers(init.headers)
    if (cookies.size > 0)
      headers.set('Cookie', [...cookies].map((pair) => pair.join('=')).join('; '))
    if (ip) headers.set('X-Forwarded-For', ip)
    const answer = await fetch(app.url + path, { ...init, headers, redirect: 'manual' })
    for (const line of answer.headers.getSetCookie()) keep(cookies, line)
    return {
      status: answer.status,
      text: await answer.text(),
      headers: answer.headers,
      location: answer.headers.get('location') ?? '',
    }
  }
  return {
    cookies,
    get: (path, headers = {}) => send(path, { headers }),
    post: (path, form = {}, headers = {}) =>
      send(path, {
        method: 'POST',
        body: new URLSearchParams(form),
        headers: { Origin: app.url, 'Sec-Fetch-Site': 'same-origin', ...headers },
      }),
  }
}

function keep(cookies: Map<string, string>, line: string): void {
  const [pair = ''] = line.split(';')
  const name = pair.slice(0, pair.indexOf('='))
  if (/expires=thu, 01 jan 1970|max-age=0/i.test(line)) cookies.delete(name)
  else cookies.set(name, pair.slice(name.length + 1))
}
