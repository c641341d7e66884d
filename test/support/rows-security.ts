import { newId } from '../../src/ids.ts'

/** Rows of the tables about processors and keys, for one organization and a person of it. */
export const SECURITY_ROWS: Record<
  string,
  (ids: { org: string; user: string }) => Record<string, unknown>
> = {
  key_usage: ({ org }) => ({ org_id: org, kid: `d${org.slice(-12)}`, seals: 4_096, block: 4_096 }),
  master_keys: () => ({ kid: newId() }),
  processor_hosts: () => ({
    processor: 'mail',
    host: `${newId()}.example.test`,
    first_at: new Date(),
    last_at: new Date(),
  }),
  processor_objections: ({ org, user }) => ({
    org_id: org,
    processor: 'mail',
    objected_by: user,
    at: new Date(),
  }),
}
