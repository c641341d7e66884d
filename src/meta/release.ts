import { isGrantShared } from '../connections/grants.ts'
import type { Answer } from '../egress-request.ts'
import type { Resources } from '../resources.ts'
import type { Secret } from '../secret.ts'

/** Why Meta did not confirm: no answer or an error of its own, its limits, a refusal, or our app is still there. */
type Because = 'away' | 'limited' | 'refused' | 'present' | 'unreadable'
type Unconfirmed = `unconfirmed(${Because})`
export type Ended = 'done' | 'already_gone' | Unconfirmed

/** A business account and the token that reaches it; `app` is whose token it is, where that is known. */
export type Account = { org: string; waba: string; token: Secret; app: string | null }

const GONE = new Set([100, 190, 200, 803])
/** Too many calls by the app, the account, the page, the business or the number. Source: Graph API, rate limits. */
const LIMITS = new Set([4, 17, 32, 613, 80_007, 80_008, 130_429])
/** Meta's own trouble, which passes. */
const PASSING = new Set([1, 2])

/** What Meta says in a while may be different. */
export const isPassing = (ended: string | undefined): boolean =>
  ended === 'unconfirmed(away)' || ended === 'unconfirmed(limited)'

/**
 * Ends Meta's webhooks to us for one account. A token that Meta no longer takes means that it is gone there already.
 * Source: WhatsApp Business Management API, DELETE /{waba-id}/subscribed_apps.
 */
export async function endSubscription(on: Resources, account: Account): Promise<Ended> {
  return judge(await ask(on, account, 'DELETE', `/${account.waba}/subscribed_apps`))
}

/**
 * Deletes one file that was uploaded to be sent. Not found is gone already.
 * Source: WhatsApp Cloud API, DELETE /{media-id}.
 */
export async function endUpload(on: Resources, account: Account, id: string): Promise<Ended> {
  const answer = await ask(on, account, 'DELETE', `/${id}`)
  const isUnknown = answer.outcome === 'answered' && answer.status === 404
  return isUnknown ? 'already_gone' : judge(answer)
}

/**
 * Whether Meta itself says that our app gets no webhooks of the account any more: the time of its answer, or why it is not known.
 * Where it is not known which app is ours, none may be left.
 * Source: WhatsApp Business Management API, GET /{waba-id}/subscribed_apps.
 */
export async function askAbsence(
  on: Resources,
  account: Account,
): Promise<`absent at ${string}` | 'already_gone' | Unconfirmed> {
  const answer = await ask(on, account, 'GET', `/${account.waba}/subscribed_apps`)
  const said = judge(answer)
  if (said !== 'done') return said
  const left = appsIn(answer)
  if (left === undefined) return 'unconfirmed(unreadable)'
  const isThere = account.app === null ? left.length > 0 : left.includes(account.app)
  return isThere ? 'unconfirmed(present)' : `absent at ${on.now().toISOString()}`
}

/** A grant of the person `user`, and the connections that end with it. */
export type Grant = { account: Account; user: string; going: ReadonlySet<string> }

/**
 * Takes back all that a person granted this installation's own app, and with it every token that came of it: the last call that
 * one of them makes. `shared` while another connection hangs on the same grant; undefined for an app of the
 * organization's own, whose grants are not ours to take back.
 * Source: Graph API, DELETE /{user-id}/permissions.
 */
export async function endGrant(
  on: Resources,
  { account, user, going }: Grant,
): Promise<Ended | 'shared' | undefined> {
  const { META_APP_ID: own } = on.config
  if (own === undefined || account.app !== own) return undefined
  if (await isGrantShared(on, { app: own, user, going })) return 'shared'
  return judge(await ask(on, account, 'DELETE', `/${user}/permissions`))
}

const ask = (
  on: Resources,
  { org, token }: { org: string; token: Secret },
  method: 'GET' | 'DELETE',
  path: string,
): Promise<Answer> => on.egress.graph({ purpose: 'end_subscription', org, method, path, token })

function judge(answer: Answer): Ended {
  if (answer.outcome !== 'answered') return 'unconfirmed(away)'
  const { success, error } = contentOf(answer)
  if (answer.status < 300) return success === false ? 'unconfirmed(refused)' : 'done'
  return refusalOf(answer.status, error?.code ?? 0)
}

function refusalOf(status: number, code: number): Ended {
  if (status === 429 || LIMITS.has(code)) return 'unconfirmed(limited)'
  if (GONE.has(code)) return 'already_gone'
  return status >= 500 || PASSING.has(code) ? 'unconfirmed(away)' : 'unconfirmed(refused)'
}

type Content = { success?: unknown; error?: { code?: number }; data?: unknown }

function contentOf(answer: Answer): Content {
  try {
    const json: unknown = answer.outcome === 'answered' && JSON.parse(answer.body.toString('utf8'))
    return typeof json === 'object' && json !== null ? json : {}
  } catch {
    return {}
  }
}

/** The ids of the apps in the list, or undefined where the answer has none. */
function appsIn(answer: Answer): string[] | undefined {
  const { data } = contentOf(answer)
  if (!Array.isArray(data)) return undefined
  return data.map((one: { whatsapp_business_api_data?: { id?: unknown } } | null) =>
    String(one?.whatsapp_business_api_data?.id),
  )
}
