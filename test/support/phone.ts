import { randomBytes } from 'node:crypto'
import os from 'node:os'
import path from 'node:path'
import type { Running } from './app.ts'
import type { Org } from './org.ts'
import { signInAs } from './sign-in.ts'

export type PhoneMessage = {
  id: string
  from: 'customer' | 'business'
  kind: string
  text: string
  status: string
  context?: string
}
export type PhonePerson = {
  id: string
  name: string
  phone: string
  user_id: string
  hidden: boolean
  messages: PhoneMessage[]
}
export type SandboxReport = {
  connection_id: string
  phone_number_id: string
  waiting: number
  people: PhonePerson[]
  wire: { total: number; entries: { way: string; what: string; end: string }[] }
}

/** The sandbox page as a program uses it. */
export type SandboxClient = {
  report(): Promise<SandboxReport>
  post(path: string, body?: object): Promise<SandboxReport>
  /** The chat of a person, the first one unless told. */
  chat(name?: string): Promise<PhoneMessage[]>
  person(name?: string): Promise<PhonePerson>
  /** Keep a chat open as a visible page does; the result closes it. */
  look(person: PhonePerson): Promise<() => void>
}

/** A folder of its own for DATA_DIR, for an app whose sandbox has to outlive it. */
export const ownFolder = (): string =>
  path.join(os.tmpdir(), `chatflow-sandbox-${randomBytes(6).toString('hex')}`)

/** An admin of the organization at the switchboard, with a sandbox number connected. */
export async function openPhones(app: Running, org: Org): Promise<SandboxClient> {
  const cookie = await signInAs(app.on, org, org.owner)
  const headers = {
    cookie,
    origin: app.url,
    accept: 'application/json',
    'content-type': 'application/json',
  }
  const read = async (answer: Response): Promise<SandboxReport> => {
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
    return (await answer.json()) as SandboxReport
  }
  const report = async (): Promise<SandboxReport> =>
    read(await fetch(`${app.url}/sandbox`, { headers }))
  const post = async (to: string, body: object = {}): Promise<SandboxReport> =>
    read(
      await fetch(`${app.url}/sandbox${to}`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      }),
    )
  const person = async (name?: string): Promise<PhonePerson> => {
    const { people } = await report()
    const found = name === undefined ? people[0] : people.find((one) => one.name === name)
    if (!found) throw new Error('no such person')
    return found
  }
  await post('/connection')
  return {
    report,
    post,
    person,
    chat: async (name) => (await person(name)).messages,
    async look({ id }) {
      const hangUp = new AbortController()
      const { signal } = hangUp
      const stream = await fetch(`${app.url}/sandbox/stream?person=${id}`, {
        headers: { cookie, accept: 'text/event-stream' },
        signal,
      })
      if (!stream.ok) throw new Error(`the stream answered ${stream.status}`)
      return () => hangUp.abort()
    },
  }
}
