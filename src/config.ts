import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import path from 'node:path'
import { z } from 'zod'
import { readAttestation } from './attestation.ts'
import { EXAMPLES } from './config-examples.ts'
import { LIMITS, setLimits, SETTABLE, type Settable } from './privacy/limits.ts'
import { hidden, Secret, type Purpose } from './secret.ts'
import { plainVariable } from './transport.ts'

export type MasterKey = { id: string; key: Buffer }

/** A value that stops the start. The message is the one line the operator reads. */
export class ConfigError extends Error {}

const flag = z
  .enum(['0', '1', 'on', 'off', 'true', 'false'])
  .transform((v) => ['1', 'on', 'true'].includes(v))
const days = z.coerce.number().int()
const address = z.url({ protocol: /^https?$/ }).transform((v) => v.replace(/\/+$/, ''))
const origin = z
  .url({ protocol: /^https?$/ })
  .refine(
    (v) => URL.canParse(v) && new URL(v).href === `${new URL(v).origin}/`,
    'a path is too much',
  )
  .transform((v) => new URL(v).origin)
const secret = <T extends z.ZodType<string>>(text: T, ...purposes: Purpose[]) =>
  text.transform((given) => new Secret(given, ...purposes))
const addresses = z.string().regex(/^\s*[^\s,@]+@[^\s,@]+(\s*,\s*[^\s,@]+@[^\s,@]+)*\s*$/)

/** Ranges of addresses, `10.0.0.0/8,fd00::/8`. */
const areRanges = (text: string): boolean =>
  text.split(',').every((part) => {
    const [net = '', bits = '', more] = part.trim().split('/')
    const widest = isIP(net) === 6 ? 128 : 32
    return isIP(net) !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= widest && more === undefined
  })

/** How long things stay: the default of each and its bounds stand in the table of limits. */
const limits = Object.fromEntries(
  SETTABLE.map((name) => {
    const { is, least, most } = LIMITS[name]
    return [name, days.min(least).max(most).default(is)]
  }),
) as Record<Settable, z.ZodDefault<typeof days>>

const Variables = z.object({
  NODE_ENV: z.enum(['development', 'test', 'production']).optional(),
  LOG_LEVEL: z.enum(['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace']).default('info'),
  PORT: z.coerce.number().int().min(0).max(65_535).default(3000),
  HOST: z.string().min(1).optional(),
  APP_URL: origin.optional(),
  TRUST_PROXY: z.coerce.number().int().min(0).max(10).default(0),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  DATABASE_POOL: z.coerce.number().int().min(2).max(200).default(10),
  REDIS_URL: z.url({ protocol: /^rediss?$/ }).optional(),
  REDIS_ALLOW_EVICTION: flag.default(false),
  QUEUE_ALLOW_WEAK_DURABILITY: flag.default(false),
  WORKER_QUEUES: z
    .string()
    .regex(/^[a-z]+(,[a-z]+)*$/)
    .optional(),
  PLAIN_HOSTS: z
    .string()
    .regex(/^[\w.-]+(\s*,\s*[\w.-]+)*$/)
    .transform((v) => v.toLowerCase().split(/\s*,\s*/))
    .optional(),
  STORAGE_ATTESTATION: z
    .string()
    .refine((v) => readAttestation(v) !== undefined, 'provider; method; date')
    .optional(),
  DATA_DIR: z.string().min(1).default('./.chatflow'),
  CHATFLOW_MASTER_KEY: z.string().optional(),
  SESSION_SECRET: secret(z.string().min(32), 'sign_cookies').optional(),
  GRAPH_API_URL: address.optional(),
  GRAPH_API_VERSION: z
    .string()
    .regex(/^v\d{1,3}\.\d$/)
    .default('v26.0'),
  META_APP_ID: z.string().regex(/^\d+$/).optional(),
  META_APP_SECRET: secret(z.string().min(8), 'check_signature', 'ask_about_token').optional(),
  META_VERIFY_TOKEN: secret(z.string().min(1), 'handshake').optional(),
  MEDIA_URL: z
    .string()
    .regex(/^(file:|s3:\/\/)/)
    .optional(),
  SMTP_URL: secret(z.url({ protocol: /^smtps?$/ }), 'send_mail').optional(),
  MAIL_FROM: z
    .string()
    .regex(/^[^\r\n]{3,320}$/)
    .optional(),
  EGRESS_ALLOW_CIDR: z.string().refine(areRanges, 'must be ranges').optional(),
  METRICS_TOKEN: secret(z.string().min(16), 'scrape').optional(),
  METRICS_PORT: z.coerce.number().int().min(0).max(65_535).optional(),
  OPS_EMAILS: addresses.optional(),
  PRIVACY_CONTACT: z.email().default('firstfashionstore0@gmail.com'),
  SANDBOX: flag.optional(),
  SIGNUP: z.enum(['open', 'closed']).default('open'),
  PROMISES_REPORT: z.string().min(1).default('build/promises-report.json'),
  EXPORT_HOURS: z.coerce.number().int().min(1).max(168).default(72),
  DELETION_CONFIRM_DAYS: days.min(1).max(5).default(3),
  DELETION_GRACE_DAYS: days.min(0).max(7).default(7),
  PURGE_BUDGET_DAYS: days.min(1).max(5).default(2),
  ...limits,
})

export type Variables = z.infer<typeof Variables>
export type Env = Record<string, string | undefined>

/** Everything the code may ask about its surroundings; nothing else reads the environment. */
export type Config = Omit<Variables, 'CHATFLOW_MASTER_KEY'> & {
  DATABASE_URL: string
  HOST: string
  APP_URL: string
  GRAPH_API_URL: string
  MEDIA_URL: string
  SANDBOX: boolean
  masterKeys: MasterKey[]
  opsEmails: string[]
  /** With no OPS_EMAILS an embedded installation is operated by its first person. */
  firstUserIsOps: boolean
}

/** Read the variables (and `NAME_FILE` for each); throws ConfigError with one line naming the first fault. */
export function readVariables(env: Env = process.env): Variables {
  const given = Object.fromEntries(
    Object.keys(Variables.shape).flatMap((name) => {
      const value = fromFile(env, name) ?? env[name]
      return value === undefined || value === '' ? [] : [[name, value]]
    }),
  )
  const parsed = Variables.safeParse(given)
  if (!parsed.success) throw new ConfigError(explain(parsed.error))
  checkDeletionBudget(parsed.data)
  checkSuppression(parsed.data)
  if (parsed.data.SANDBOX && parsed.data.NODE_ENV === 'production') {
    throw new ConfigError(
      'SANDBOX: the simulator does not run with NODE_ENV=production, e.g. SANDBOX=off',
    )
  }
  return parsed.data
}

/** What the embedded mode finds for itself and production must be given. */
export type Found = {
  databaseUrl?: string
  masterKey?: string
  port?: number
  opsEmails?: string[]
}

/** Variables made whole, with what the embedded mode found; throws ConfigError when something is still missing. */
export function completeConfig(variables: Variables, found: Found = {}): Config {
  const embedded = found.databaseUrl !== undefined
  setLimits(variables)
  if (variables.MEDIA_URL?.startsWith('s3:'))
    throw fault('MEDIA_URL', 'names an object store, and files go to a folder only so far')
  const { CHATFLOW_MASTER_KEY, ...rest } = variables
  const databaseUrl = need('DATABASE_URL', variables.DATABASE_URL ?? found.databaseUrl)
  const masterKey = need('CHATFLOW_MASTER_KEY', CHATFLOW_MASTER_KEY ?? found.masterKey)
  const where = whereabouts(variables, found.port ?? variables.PORT, embedded)
  checkTransport({ ...variables, ...where, DATABASE_URL: databaseUrl })
  return {
    ...rest,
    ...where,
    DATABASE_URL: databaseUrl,
    MEDIA_URL: variables.MEDIA_URL ?? `file:${path.resolve(variables.DATA_DIR, 'media')}`,
    masterKeys: parseMasterKeys(masterKey),
    opsEmails: addressList(variables.OPS_EMAILS) ?? found.opsEmails ?? [],
    firstUserIsOps: embedded,
  }
}

/** Where the product listens, how it is reached, and where it finds the Graph API. */
function whereabouts(
  variables: Variables,
  port: number,
  embedded: boolean,
): Pick<Config, 'PORT' | 'HOST' | 'APP_URL' | 'GRAPH_API_URL' | 'SANDBOX'> {
  const sandbox = variables.SANDBOX ?? (embedded && variables.NODE_ENV !== 'production')
  const graph = sandbox ? `http://127.0.0.1:${port}/sandbox/graph` : 'https://graph.facebook.com'
  return {
    PORT: port,
    HOST: variables.HOST ?? (embedded ? '127.0.0.1' : '0.0.0.0'),
    APP_URL: variables.APP_URL ?? `http://localhost:${port}`,
    GRAPH_API_URL: variables.GRAPH_API_URL ?? graph,
    SANDBOX: sandbox,
  }
}

/** Undefined rather than empty, so that what was found takes its place. */
function addressList(text = ''): string[] | undefined {
  const list = text.split(',').map((part) => part.trim().toLowerCase())
  return list.some(Boolean) ? list.filter(Boolean) : undefined
}

/** `id:base64(32 bytes)`, several separated by commas; the first one seals. */
export function parseMasterKeys(text: string): MasterKey[] {
  const keys = text.split(',').map((part) => {
    const [, id, base64] = /^([A-Za-z0-9_-]{1,32}):([A-Za-z0-9+/]{43}=)$/.exec(part.trim()) ?? []
    const key = Buffer.from(base64 ?? '', 'base64')
    if (!id || key.length !== 32 || key.every((byte) => byte === key[0]))
      throw fault('CHATFLOW_MASTER_KEY', 'is not a list of id:base64(32 bytes)')
    return { id, key: hidden(key) }
  })
  if (new Set(keys.map((k) => k.id)).size !== keys.length)
    throw fault('CHATFLOW_MASTER_KEY', 'names one id twice')
  return keys
}

function fromFile(env: Env, name: string): string | undefined {
  const file = env[`${name}_FILE`]
  if (!file) return undefined
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    throw fault(`${name}_FILE`, 'names a file that cannot be read')
  }
}

function need(name: string, value: string | undefined): string {
  if (value === undefined) throw fault(name, 'is missing')
  return value
}

function fault(name: string, what: string): ConfigError {
  const example = name.endsWith('_FILE')
    ? `/run/secrets/${name.toLowerCase()}`
    : EXAMPLES[name as keyof typeof EXAMPLES]
  return new ConfigError(`${name} ${what}, e.g. ${name}=${example}`)
}

/** Names the variable and the rule, never the value: it may be a secret. */
function explain(error: z.ZodError): string {
  const issue = error.issues[0]
  const name = String(issue?.path[0] ?? '')
  return fault(
    name,
    `is not valid (${issue?.code === 'invalid_value' ? `one of ${issue.values.join(', ')}` : issue?.message.replace(/, received .*/, '')})`,
  ).message
}

/**
 * "within 30 days", backups included, as a property of the configuration: the shortest month has 28 days.
 * Source: privacy policy §6; the sum is explained in the manifest's documentation.
 */
function checkDeletionBudget(v: Variables): void {
  const sum =
    v.DELETION_CONFIRM_DAYS + v.DELETION_GRACE_DAYS + v.PURGE_BUDGET_DAYS + v.BACKUP_RETENTION_DAYS
  if (sum > 28) {
    throw new ConfigError(
      `DELETION_CONFIRM_DAYS + DELETION_GRACE_DAYS + PURGE_BUDGET_DAYS + BACKUP_RETENTION_DAYS is ${sum} and may be at most 28, e.g. 3 + 7 + 2 + 14`,
    )
  }
}

/** In production nothing of anybody crosses a network in the clear (P24). */
function checkTransport(given: Variables & Parameters<typeof plainVariable>[0]): void {
  const plain = given.NODE_ENV === 'production' ? plainVariable(given) : undefined
  if (plain)
    throw new ConfigError(
      `${plain.name} crosses the network without TLS, which production refuses, e.g. ${plain.name}=${plain.example}`,
    )
}

/** Meta delivers a webhook again for seven days. */
const REDELIVERY_DAYS = 7
const SPARE_DAYS = 7

/** What was erased must stay known for longer than a backup or a late webhook could bring it back. */
function checkSuppression(v: Variables): void {
  const least = v.BACKUP_RETENTION_DAYS + REDELIVERY_DAYS + SPARE_DAYS
  if (v.SUPPRESSION_DAYS < least)
    throw fault('SUPPRESSION_DAYS', `must be at least BACKUP_RETENTION_DAYS + 14 = ${least}`)
}
