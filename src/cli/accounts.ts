import { z } from 'zod'
import { createOrganization, createUser } from '../accounts/accounts.ts'
import { createApiKey } from '../accounts/api-keys.ts'
import { OPERATOR } from '../audit/audit.ts'
import { GIVEN } from '../accounts/roles.ts'
import { resetFactor } from '../accounts/second-factor.ts'
import { createConnection } from '../connections/connections.ts'
import { command, type Command } from './command.ts'

const text = z.string().min(1)
const id = z.uuid()

export const accountCommands: Record<string, Command> = {
  'org create': command({
    usage: `--name N --owner-email E [--owner-name N]   stdin {"password"}`,
    options: { name: text, 'owner-email': text, 'owner-name': text.optional() },
    secrets: { password: z.string() },
    async run(at, given, { password }) {
      const { org, user } = await createOrganization(await at.open(), {
        name: given.name,
        ownerEmail: given['owner-email'],
        ownerName: given['owner-name'] ?? '',
        password,
        by: OPERATOR,
      })
      return { org_id: org, user_id: user }
    },
  }),
  'user create': command({
    usage: `--org ID --email E --role R [--name N]   stdin {"password"}`,
    options: {
      org: id,
      email: text,
      role: z.enum(GIVEN.map(({ role }) => role)),
      name: text.optional(),
    },
    secrets: { password: z.string() },
    async run(at, { org, email, role, name }, { password }) {
      const { user } = await createUser(await at.open(), {
        org,
        email,
        role,
        name,
        password,
        by: OPERATOR,
      })
      return { user_id: user }
    },
  }),
  'user reset-2fa': command({
    usage: `--email E`,
    options: { email: text },
    run: async (at, { email }) => ({ reset: await resetFactor(await at.open(), email) }),
  }),
  'connection create': command({
    usage: `--org ID --phone-number-id P --waba-id W [--display-phone X] [--name N]   stdin {"access_token","app_secret","verify_token"}`,
    options: {
      org: id,
      'phone-number-id': text,
      'waba-id': text,
      'display-phone': text.optional(),
      name: text.optional(),
    },
    secrets: { access_token: text, app_secret: text, verify_token: text },
    async run(at, given, secrets) {
      const made = await createConnection(await at.open(), given.org, {
        name: given.name,
        phoneNumberId: given['phone-number-id'],
        wabaId: given['waba-id'],
        displayPhone: given['display-phone'],
        accessToken: secrets.access_token,
        appSecret: secrets.app_secret,
        verifyToken: secrets.verify_token,
        isVouchedFor: true,
        by: OPERATOR,
      })
      return { connection_id: made.id, webhook_path: made.webhookPath }
    },
  }),
  'api-key create': command({
    usage: `--org ID --name N [--scopes a,b]`,
    options: {
      org: id,
      name: text,
      scopes: z
        .string()
        .transform((list) => list.split(',').map((scope) => scope.trim()))
        .optional(),
    },
    async run(at, { org, name, scopes }) {
      const { id: key_id, key } = await createApiKey(await at.open(), org, {
        name,
        by: OPERATOR,
        ...(scopes ? { scopes } : {}),
      })
      return { key, key_id }
    },
  }),
}
