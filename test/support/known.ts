import type { Running } from './app.ts'

/** What webhooks of a connection are checked with, in this process: app secret and verify token. */
export function secretsKnown({ on }: Pick<Running, 'on'>, connection: string): string[] {
  const route = on.directory.find(connection)
  return route
    ? [route.appSecret.reveal('check_signature'), route.verifyToken.reveal('handshake')]
    : []
}
