import { randomInt } from 'node:crypto'
import type { Running } from './app.ts'
import { newCanary } from './canaries.ts'
import type { Graph } from './graph.ts'
import { readable, type Ears, type Named } from './leaks.ts'
import type { MailServer } from './smtp.ts'
import { until } from './until.ts'

/** What the installation itself is given to keep. */
export const INSTALLATION = {
  metaSecret: `app-${newCanary()}`,
  metaVerify: `verify-${newCanary()}`,
  metrics: `metrics-${newCanary()}`,
  cookies: `cookies-${newCanary()}-${newCanary()}`,
  smtp: `mail-${newCanary()}`,
}

/** What people choose as a secret, and what Meta gave them. */
export const secretsOf = () => ({
  password: `${newCanary()} is long`,
  newPassword: `${newCanary()} is new`,
  theirPassword: `${newCanary()} is theirs`,
  wrongPassword: `${newCanary()} is wrong`,
  wrongKey: `cf_${newCanary()}${newCanary()}`,
  accessToken: `EAAB${newCanary()}|${newCanary()}`,
  otherToken: `EAAB${newCanary()}${newCanary()}`,
  appSecret: `${newCanary()}secret`,
  verifyToken: `${newCanary()}verify`,
})

export const personalOf = () => ({
  owner: `Ada ${newCanary()}`,
  email: `${newCanary()}@example.test`,
  colleague: `Bo ${newCanary()}`,
  colleagueEmail: `${newCanary()}@example.test`,
  customer: `Cleo ${newCanary()}`,
  phone: `49151${randomInt(10_000_000, 99_999_999)}`,
  userId: `DE.${randomInt(10 ** 9, 10 ** 10)}${randomInt(10 ** 9, 10 ** 10)}`,
  username: newCanary(),
  question: `${newCanary()} "quoted" <b> & é?`,
  odd: `${newCanary()} in a kind of its own`,
  answer: `${newCanary()} as an answer`,
  refused: `${newCanary()} that Meta refuses`,
  lost: `${newCanary()} that gets no answer`,
  draft: `${newCanary()} not sent yet`,
  search: newCanary(),
  contactEmail: `${newCanary()}@example.test`,
  asked: `${newCanary()} to the operator`,
  stray: `${newCanary()} to a number nobody has`,
  broken: newCanary(),
})

export type Stage = { app: Running; ears: Ears; graph: Graph; mail: MailServer }

export type Told = Stage & {
  given: ReturnType<typeof secretsOf>
  personal: ReturnType<typeof personalOf>
  secrets: Record<string, string>
}

/** A machine that has other things to do is no fault. */
export const PATIENCE_MS = 40_000
export const PART = { 'HX-Request': 'true', 'HX-Request-Type': 'partial' }

/** The one-time code in the link that was mailed last. */
export async function linkIn(
  { mail, secrets }: Told,
  kind: 'signup' | 'invite' | 'reset',
): Promise<string> {
  const [, token = ''] = await until(
    () => new RegExp(`/${kind}/([\\w-]{20,})`).exec(mail.received.map(readable).join('\n')),
    PATIENCE_MS,
  )
  secrets[`${kind}Link`] = token
  return `/${kind}/${token}`
}

export const apiOf =
  (app: Running, ears: Ears, { readKey = '', writeKey = '' }: Named) =>
  (method: string, path: string, body?: string) => {
    const authorization = `Bearer ${method === 'GET' ? readKey : writeKey}`
    const headers = { authorization, 'content-type': 'application/json' }
    const url = `${app.url}/api/v1${path}`
    return ears.ask('program', url, { method, headers, ...(body === undefined ? {} : { body }) })
  }
