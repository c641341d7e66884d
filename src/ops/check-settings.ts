import type { Config } from '../config.ts'
import { ok, warn, type Check } from './check.ts'

/** Settings that work and are not what a customer-facing installation wants. */
export function checkSettings(config: Config): Check[] {
  const secure = config.APP_URL.startsWith('https://')
  const isPublic = secure || config.NODE_ENV === 'production'
  const local = /^http:\/\/(localhost|127\.0\.0\.1)(:|$)/.test(config.APP_URL)
  return [
    secure || (local && config.NODE_ENV !== 'production')
      ? ok('address', config.APP_URL)
      : warn(
          'address',
          `${config.APP_URL} is not https`,
          'set APP_URL to the public https address',
        ),
    config.SMTP_URL || !isPublic
      ? ok('mail', config.SMTP_URL ? 'SMTP_URL is set' : 'mail is kept and shown under /ops/mail')
      : warn('mail', 'mail is kept and shown under /ops/mail', 'set SMTP_URL to send it'),
    config.opsEmails.length > 0 || config.firstUserIsOps
      ? ok('operators', 'somebody may open /ops')
      : warn('operators', 'nobody may open /ops', 'set OPS_EMAILS'),
  ]
}
