import type { Variables } from './config.ts'
import { LIMITS, SETTABLE, type Settable } from './privacy/limits.ts'

/** An example per variable; it ends the line that refuses a start. */
export const EXAMPLES: Record<keyof Variables, string> = {
  NODE_ENV: 'production',
  LOG_LEVEL: 'info',
  PORT: '3000',
  HOST: '0.0.0.0',
  APP_URL: 'https://crm.example.com',
  TRUST_PROXY: '1',
  DATABASE_URL: 'postgres://user:password@host:5432/chatflow',
  DATABASE_POOL: '10',
  REDIS_URL: 'redis://host:6379',
  REDIS_ALLOW_EVICTION: '1',
  QUEUE_ALLOW_WEAK_DURABILITY: '1',
  WORKER_QUEUES: 'inbound,outbound',
  PLAIN_HOSTS: 'database,redis',
  STORAGE_ATTESTATION: 'Example Hosting; LUKS2; 2026-02-13',
  DATA_DIR: '/var/lib/chatflow',
  CHATFLOW_MASTER_KEY:
    'k1:<base64 of 32 random bytes>, made by `npm run chatflow -- keys generate`',
  SESSION_SECRET: '<at least 32 random characters>',
  GRAPH_API_URL: 'https://graph.facebook.com',
  GRAPH_API_VERSION: 'v26.0',
  META_APP_ID: '670843887433847',
  META_APP_SECRET: '<from the settings of the Meta app>',
  META_VERIFY_TOKEN: '<any random text, the same as at Meta>',
  MEDIA_URL: 'file:/var/lib/chatflow/media',
  SMTP_URL: 'smtps://user:password@mail.example.com',
  MAIL_FROM: 'ChatFlow <crm@example.com>',
  EGRESS_ALLOW_CIDR: '10.20.0.0/16',
  METRICS_PORT: '9464',
  METRICS_TOKEN: '<at least 16 random characters>',
  OPS_EMAILS: 'ops@example.com,admin@example.com',
  PRIVACY_CONTACT: 'privacy@example.com',
  SANDBOX: 'off',
  SIGNUP: 'open',
  PROMISES_REPORT: 'build/promises-report.json',
  EXPORT_HOURS: '72',
  DELETION_CONFIRM_DAYS: '3',
  DELETION_GRACE_DAYS: '7',
  PURGE_BUDGET_DAYS: '2',
  ...(Object.fromEntries(SETTABLE.map((name) => [name, String(LIMITS[name].is)])) as Record<
    Settable,
    string
  >),
}
